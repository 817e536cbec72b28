// eldrd: flags -> Config -> Daemon -> wait for a signal.
#include <google/protobuf/stubs/logging.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <initializer_list>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "core/base/file_system.h"
#include "server/auth/credential_check.h"
#include "server/base/file_limit.h"
#include "server/base/grpc_log.h"
#include "server/base/log.h"
#include "server/base/service_manager.h"
#include "server/config/config.h"
#include "server/daemon.h"
#include "server/flags.h"
#include "server/grpc_server.h"

namespace eldr {
namespace {

int Fail(const absl::Status& status) {
  std::cerr << "eldrd: " << status.message() << "\n";
  return 1;
}

// Whoever reads what was printed shall not take a part of it for all.
int CheckPrinted() {
  if (std::cout.flush()) return 0;
  return Fail(absl::UnavailableError("cannot write to standard output"));
}

// In one step, so that whoever polls for the file never reads half of it.
absl::Status WritePortFile(const std::string& path, const Daemon& daemon) {
  std::string ports;
  for (const ListenAddress& address : daemon.grpc_addresses()) {
    absl::StrAppend(&ports, "grpc=", address.ToString(), "\n");
  }
  absl::StrAppend(&ports, "http=", daemon.http_address().ToString(), "\n");
  absl::Status written = ReplaceFile(RealFileSystem(), path, ports);
  if (written.ok()) return written;
  return absl::UnavailableError(
      absl::StrCat("--port-file: cannot write ", path, " (", written.message(), ")"));
}

// The process is of no use any more: its port does not answer, and a new process may do better.
constexpr int kExitHopeless = 3;
constexpr char kServing[] = "Serving";
// To write the state and close, beyond what the configuration gives to the calls.
constexpr absl::Duration kStopMargin = absl::Seconds(30);
constexpr timespec kLookAround = {.tv_sec = 0, .tv_nsec = 500'000'000};

sigset_t Signals(std::initializer_list<int> numbers) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : numbers) sigaddset(&signals, number);
  return signals;
}

// Until a signal ends the daemon or it has become hopeless; the exit code.
int Wait(const Flags& flags, Daemon& daemon, const ServiceManager& manager, Log& log) {
  const sigset_t signals = Signals({SIGINT, SIGTERM, SIGHUP});
  std::uint64_t self_calls = 0;
  while (true) {
    const int signal = sigtimedwait(&signals, nullptr, &kLookAround);
    // Only a daemon whose self-calls come to an end lives: this loop alone would prove nothing.
    const std::uint64_t now = daemon.self_calls();
    if (std::exchange(self_calls, now) != now) manager.Alive();
    if (signal == SIGHUP) {
      manager.Reloading();
      daemon.Reload(LoadConfig(flags.config_path, flags.overrides));
      manager.Ready(kServing);
    } else if (signal > 0) {
      return 0;
    } else if (daemon.hopeless()) {
      log.Error("hopeless", {{"message",
                              "a port does not answer any more; ending, so that a new "
                              "process can take over"},
                             {"exit_code", kExitHopeless}});
      return kExitHopeless;
    }
  }
}

// A second signal ends at once, whatever is still going on.
void EndOnSecondSignal() {
  std::thread([] {
    const sigset_t signals = Signals({SIGINT, SIGTERM});
    int second = 0;
    sigwait(&signals, &second);
    _exit(128 + second);
  }).detach();
}

int Serve(const Flags& flags, const Config& config) {
  Log log(config.log, RealClock());
  const auto fail = [&log](const absl::Status& status) {
    log.Error("not_started", {{"message", status.message()}});
    return 1;
  };
  if (OpenFileLimit() < kLeastOpenFiles) {
    return fail(absl::ResourceExhaustedError(absl::StrCat("open files: the hard limit is ",
                                                          OpenFileLimit(), ", expected at least ",
                                                          kLeastOpenFiles, " (ulimit -Hn)")));
  }
  const GrpcLog grpc_log(log);
  auto daemon = Daemon::Start(config, RealClock(), log);
  if (!daemon.ok()) return fail(daemon.status());
  if (!flags.port_file.empty()) {
    const absl::Status written = WritePortFile(flags.port_file, **daemon);
    if (!written.ok()) return fail(written);
  }
  const ServiceManager manager = ServiceManager::FromEnvironment();
  manager.Ready(kServing);
  const int exit_code = Wait(flags, **daemon, manager, log);
  EndOnSecondSignal();
  manager.Stopping(config.shutdown_delay + config.drain_timeout + kStopMargin);
  (*daemon)->Stop();
  return exit_code;
}

int Run(int argc, char** argv) {
  KeepStandardFiles();
  signal(SIGPIPE, SIG_IGN);  // whoever read standard error may be gone
  signal(SIGXFSZ, SIG_IGN);  // a limit of file sizes is to fail a write, as a full disk does
  // Only Wait() sees them; threads inherit that.
  const sigset_t signals = Signals({SIGINT, SIGTERM, SIGHUP});
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  DisableMutexDeadlockDetection();
  // It would write a line to standard error for each text that is not UTF-8, which its sender hears
  // of.
  google::protobuf::SetLogHandler(nullptr);
  RaiseOpenFileLimit();
  int exit_code = 0;
  const std::optional<Flags> flags = ParseFlags(argc, argv, &exit_code);
  if (!flags.has_value()) return exit_code == 0 ? CheckPrinted() : exit_code;
  const absl::StatusOr<Config> config = LoadConfig(flags->config_path, flags->overrides);
  if (!config.ok()) return Fail(config.status());
  if (flags->print_config) std::cout << PrintConfig(*config);
  if (flags->check_config) {
    const absl::Status files = CheckCredentialFiles(*config);
    if (!files.ok()) return Fail(files);
    std::cout << "ok\n";
  }
  if (flags->print_config || flags->check_config) return CheckPrinted();
  return Serve(*flags, *config);
}

}  // namespace
}  // namespace eldr

int main(int argc, char** argv) { return eldr::Run(argc, argv); }
