// An eldrd, or a program with the same flags, that runs as long as this object lives.
#ifndef ELDR_TOOLS_PROCESS_DAEMON_PROCESS_H_
#define ELDR_TOOLS_PROCESS_DAEMON_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace eldr::demo {

// Its files (configuration, log) live in a temporary folder that goes with it. It also ends if this
// process dies, however that comes. Not thread-safe; start it before any other thread.
class DaemonProcess {
 public:
  // Runs the program `eldrd` with this configuration and waits until it listens.
  // NOT_FOUND if the program is not there; UNAVAILABLE, with the end of its log, if it ends or does
  // not listen within 30 s; CANCELLED if interrupted (interrupt.h).
  static absl::StatusOr<std::unique_ptr<DaemonProcess>> Start(const std::string& eldrd,
                                                              absl::string_view config);
  // Stops it.
  ~DaemonProcess();
  DaemonProcess(const DaemonProcess&) = delete;
  DaemonProcess& operator=(const DaemonProcess&) = delete;

  const std::string& grpc_address() const { return grpc_address_; }
  // Empty if the program has no such port.
  const std::string& http_address() const { return http_address_; }
  // -1 once it has been stopped.
  pid_t pid() const { return pid_; }

  // UNAVAILABLE, with the end of its log, if it has ended.
  absl::Status CheckRunning();

  // Ends it by SIGTERM, or by SIGKILL if that takes more than 10 s, and waits for its end.
  // INTERNAL, with the end of its log, unless it ends by itself and with exit code 0. Once stopped,
  // OK.
  absl::Status Stop();

  // The last lines of its log.
  std::string LogTail() const;

 private:
  explicit DaemonProcess(std::string folder) : folder_(std::move(folder)) {}
  absl::Status Launch(const std::string& eldrd);
  absl::Status AwaitPorts();
  // True, with wait_status_ set, if the process has ended.
  bool Reap();

  const std::string folder_;
  std::string grpc_address_;
  std::string http_address_;
  pid_t pid_ = -1;  // -1: none runs
  int wait_status_ = 0;
};

}  // namespace eldr::demo

#endif  // ELDR_TOOLS_PROCESS_DAEMON_PROCESS_H_
