// An address that a server listens on.
#ifndef ELDR_SERVER_BASE_LISTENER_H_
#define ELDR_SERVER_BASE_LISTENER_H_

#include <sys/socket.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/unique_fd.h"
#include "server/base/unix_socket.h"
#include "server/config/listen_address.h"

namespace eldr {

// Its sockets, several if a name stands for several addresses. Only one process can listen on an
// address at a time. 0.0.0.0 and [::] mean the same: every address of the machine, IPv4 and IPv6,
// as far as it has them.
class Listener {
 public:
  // Listens when it returns. `key` is the configuration's name of the address, for messages.
  // UNAVAILABLE, naming key and address and what stands in the way.
  static absl::StatusOr<std::unique_ptr<Listener>> Open(absl::string_view key,
                                                        const ListenAddress& address);

  // As bound: port 0 is replaced by the real one.
  const ListenAddress& address() const { return address_; }
  // Not blocking.
  std::vector<int> sockets() const;
  // The address of each socket in numbers, so that no name needs to be looked up again.
  std::vector<ListenAddress> numeric() const;

 private:
  explicit Listener(ListenAddress address) : address_(std::move(address)) {}
  absl::Status OpenTcp();
  // Binds to one address of the system's list, to the port of address_ if that is known by now.
  absl::Status Bind(const sockaddr* to, socklen_t size);

  ListenAddress address_;
  std::vector<UniqueFd> tcp_;
  std::unique_ptr<UnixSocket> unix_;  // instead of tcp_
};

// Takes a connection off a listening socket: not blocking. Not open if there is none, with errno as
// accept() left it.
UniqueFd AcceptConnection(int listening);

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_LISTENER_H_
