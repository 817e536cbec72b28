// eldr-echo: a server of the daemon's API and set-up that decides nothing, to compare with.
//
//   eldr-echo --config eldrd.yaml [--port-file FILE]     the daemon's own configuration and flags;
//                                                        of the keys only `grpc` matters
#include <pthread.h>
#include <signal.h>

#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "bench/echo/echo_service.h"
#include "core/base/clock.h"
#include "core/base/file_system.h"
#include "server/base/log.h"
#include "server/config/config.h"
#include "server/flags.h"
#include "server/grpc_server.h"

namespace eldr {
namespace {

int Fail(const absl::Status& status) {
  std::cerr << "eldr-echo: " << status.message() << "\n";
  return 1;
}

// In one step, so that whoever polls for the file never reads half of it.
absl::Status WritePortFile(const std::string& path, const GrpcServer& server) {
  std::string ports;
  for (const ListenAddress& address : server.addresses()) {
    absl::StrAppend(&ports, "grpc=", address.ToString(), "\n");
  }
  return ReplaceFile(RealFileSystem(), path, ports);
}

int Run(int argc, char** argv) {
  DisableMutexDeadlockDetection();
  int exit_code = 0;
  const std::optional<Flags> flags = ParseFlags(argc, argv, &exit_code);
  if (!flags.has_value()) return exit_code;
  const absl::StatusOr<Config> config = LoadConfig(flags->config_path, flags->overrides);
  if (!config.ok()) return Fail(config.status());
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Log log(config->log, RealClock());
  EchoService service;
  const absl::StatusOr<std::unique_ptr<GrpcServer>> server = GrpcServer::Start(
      config->grpc, {{"eldr.v1.PlacementService", &service}}, nullptr, nullptr, log);
  if (!server.ok()) return Fail(server.status());
  if (!flags->port_file.empty()) {
    const absl::Status written = WritePortFile(flags->port_file, **server);
    if (!written.ok()) return Fail(written);
  }
  int signal = 0;
  sigwait(&signals, &signal);
  return 0;
}

}  // namespace
}  // namespace eldr

int main(int argc, char** argv) { return eldr::Run(argc, argv); }
