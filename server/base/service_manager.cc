#include "server/base/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "server/base/unique_fd.h"

namespace eldr {

ServiceManager ServiceManager::FromEnvironment() {
  const char* const socket = std::getenv("NOTIFY_SOCKET");
  return ServiceManager(socket == nullptr ? "" : socket);
}

void ServiceManager::Ready(absl::string_view status) const {
  Tell(absl::StrCat("READY=1\nSTATUS=", status));
}

void ServiceManager::Reloading() const { Tell("RELOADING=1"); }

void ServiceManager::Alive() const { Tell("WATCHDOG=1"); }

void ServiceManager::Stopping(absl::Duration at_most) const {
  const auto microseconds = absl::ToInt64Microseconds(at_most);
  Tell(absl::StrCat("STOPPING=1\nSTATUS=Finishing the calls in flight\nEXTEND_TIMEOUT_USEC=",
                    microseconds, "\nWATCHDOG_USEC=", microseconds));
}

void ServiceManager::Tell(absl::string_view lines) const {
  sockaddr_un address = {};
  if (!listens() || socket_.size() >= sizeof(address.sun_path)) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const UniqueFd sender(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!sender.open()) return;
  // A full queue of the manager loses the line; that of the watchdog comes again.
  sendto(sender.get(), lines.data(), lines.size(), MSG_NOSIGNAL,
         reinterpret_cast<const sockaddr*>(&address), length);
}

}  // namespace eldr
