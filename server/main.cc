// eldrd: flags -> Config -> Daemon -> wait for a signal.
#include <google/protobuf/stubs/logging.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <thread>

#include "server/config/config.h"
#include "server/daemon.h"
#include "server/flags.h"
#include "server/grpc_server.h"
#include "server/metrics/process_collector.h"

namespace eldr {
namespace {

int Fail(const absl::Status& status) {
  std::cerr << "eldrd: " << status.message() << "\n";
  return 1;
}

// Renamed into place, so that whoever polls for the file never reads half of it.
absl::Status WritePortFile(const std::string& path, const Daemon& daemon) {
  const std::string unfinished = path + ".tmp";
  std::ofstream file(unfinished);
  for (const ListenAddress& address : daemon.grpc_addresses()) {
    file << "grpc=" << address.ToString() << "\n";
  }
  file << "http=" << daemon.http_address().ToString() << "\n";
  file.close();
  if (!file || std::rename(unfinished.c_str(), path.c_str()) != 0) {
    return absl::UnavailableError("--port-file: cannot write " + path);
  }
  return absl::OkStatus();
}

// Blocks the signals that end the daemon, so that only Wait() sees them; threads inherit that.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

int Run(int argc, char** argv) {
  SpareDeadlockSearch();
  // It would write a line to standard error for each text that is not UTF-8, which its sender hears
  // of.
  google::protobuf::SetLogHandler(nullptr);
  RaiseOpenFileLimit();
  int exit_code = 0;
  const std::optional<Flags> flags = ParseFlags(argc, argv, &exit_code);
  if (!flags.has_value()) return exit_code;
  const absl::StatusOr<Config> config = LoadConfig(flags->config_path, flags->overrides);
  if (!config.ok()) return Fail(config.status());
  if (flags->print_config) std::cout << PrintConfig(*config);
  if (flags->check_config) std::cout << "ok\n";
  if (flags->print_config || flags->check_config) return 0;

  const sigset_t signals = BlockSignals();
  auto daemon = Daemon::Start(*config);
  if (!daemon.ok()) return Fail(daemon.status());
  if (!flags->port_file.empty()) {
    const absl::Status written = WritePortFile(flags->port_file, **daemon);
    if (!written.ok()) return Fail(written);
  }

  int signal = 0;
  sigwait(&signals, &signal);
  // A second signal ends at once, whatever is still going on.
  std::thread([signals] {
    int second = 0;
    sigwait(&signals, &second);
    _exit(128 + second);
  }).detach();
  (*daemon)->Stop();
  return 0;
}

}  // namespace
}  // namespace eldr

int main(int argc, char** argv) { return eldr::Run(argc, argv); }
