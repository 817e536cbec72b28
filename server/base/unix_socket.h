// The file of a unix socket that a server listens on.
#ifndef ELDR_SERVER_BASE_UNIX_SOCKET_H_
#define ELDR_SERVER_BASE_UNIX_SOCKET_H_

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "server/base/unique_fd.h"

namespace eldr {

// Connections that may wait to be accepted, as far as the system allows.
inline constexpr int kListenBacklog = 4096;

// A file that stands at the path already is looked at first: if somebody answers there, or if it is
// no socket, it is left alone; what a process left that is gone is replaced. Processes that do this
// at the same time for the same path take turns.
class UnixSocket {
 public:
  // Bound and listening, not blocking. UNAVAILABLE, saying what stands in the way, without the
  // path.
  static absl::StatusOr<UnixSocket> Listen(const std::string& path);
  UnixSocket(UnixSocket&&) = default;
  UnixSocket& operator=(UnixSocket&&) = delete;
  // Deletes the file, unless another stands in its place by now, and closes.
  ~UnixSocket();

  int fd() const { return socket_.get(); }

 private:
  UnixSocket(const std::string& path, UniqueFd socket) : path_(path), socket_(std::move(socket)) {}

  std::string path_;
  UniqueFd socket_;
  // Which file it is. The socket keeps it in use, so that no other file can get the same number.
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_UNIX_SOCKET_H_
