// Tells the process that started the daemon how it is, by the protocol of systemd's Type=notify:
// datagrams of lines NAME=VALUE to the socket that $NOTIFY_SOCKET names.
#ifndef ELDR_SERVER_BASE_SERVICE_MANAGER_H_
#define ELDR_SERVER_BASE_SERVICE_MANAGER_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace eldr {

// Nothing is told where there is no such socket. Not thread-safe.
class ServiceManager {
 public:
  // By $NOTIFY_SOCKET, which may be a path or, with @ first, an abstract name.
  static ServiceManager FromEnvironment();
  explicit ServiceManager(std::string socket) : socket_(std::move(socket)) {}

  // True if somebody is to be told.
  bool listens() const { return !socket_.empty(); }

  // It serves. `status` is one line for `systemctl status`.
  void Ready(absl::string_view status) const;
  // It looks at its files again; Ready() ends that.
  void Reloading() const;
  // It lives: told again and again, or the watchdog ends the process.
  void Alive() const;
  // It ends, and may take this long; the watchdog waits for as long.
  void Stopping(absl::Duration at_most) const;

 private:
  // Best effort: a manager that is gone, or does not read, is no reason to stop serving.
  void Tell(absl::string_view lines) const;

  std::string socket_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_SERVICE_MANAGER_H_
