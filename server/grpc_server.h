// The gRPC port: services, health and reflection.
#ifndef ELDR_SERVER_GRPC_SERVER_H_
#define ELDR_SERVER_GRPC_SERVER_H_

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/log.h"
#include "server/config/config.h"
#include "server/config/listen_address.h"
#include "server/grpc_listeners.h"

namespace eldr {

// Turns off the search for deadlocks that Debian's abseil does at every lock of gRPC: it is built
// without NDEBUG. For whole programs, so not done by Start(); call it before the first lock.
void DisableMutexDeadlockDetection();

// A service by its full name, "eldr.v1.PlacementService", which health knows it by.
struct NamedService {
  std::string name;
  grpc::Service* service;
};

class GrpcServer {
 public:
  // Listens when it returns. UNAVAILABLE, naming the address, if it cannot listen. The services and
  // `log` must outlive it.
  //
  // grpc.health.v1 knows "", "liveness", "readiness" and each service by its full name. Only
  // "liveness" serves before SetReady(true).
  //
  // TCP addresses get `credentials`; nullptr means plaintext. A unix socket is always plaintext:
  // the file's permissions guard it. `guard` keeps reflection from those who may not use it; both
  // outlive the server.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(
      const GrpcConfig& config, const std::vector<NamedService>& services,
      std::shared_ptr<grpc::ServerCredentials> credentials,
      std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> guard, Log& log);
  ~GrpcServer();

  // As bound: port 0 is replaced by the real one.
  const std::vector<ListenAddress>& addresses() const { return listeners_->addresses(); }

  GrpcListeners& listeners() { return *listeners_; }

  // Lets health say whether new calls should come, for every name but "liveness".
  void SetReady(bool ready);
  // Stops listening, cancels what is still running after `grace`, and waits until it is gone.
  void Stop(absl::Duration grace);

 private:
  GrpcServer() = default;

  using Acceptor = grpc::experimental::ExternalConnectionAcceptor;
  // Gives connections of the listeners to the server.
  void Accept();

  std::unique_ptr<GrpcListeners> listeners_;
  std::vector<std::string> names_;  // that health knows, without "liveness"
  std::unique_ptr<Acceptor> plaintext_;
  std::unique_ptr<Acceptor> encrypted_;  // nullptr without TLS
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_GRPC_SERVER_H_
