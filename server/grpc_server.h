// The gRPC port: services, health and reflection.
#ifndef ELDR_SERVER_GRPC_SERVER_H_
#define ELDR_SERVER_GRPC_SERVER_H_

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/config/config.h"
#include "server/config/listen_address.h"

namespace eldr {

// Turns off the search for deadlocks that Debian's abseil does at every lock of gRPC: it is built
// without NDEBUG. For whole programs, so not done by Start(); call it before the first lock.
void SpareDeadlockSearch();

class GrpcServer {
 public:
  // Listens when it returns; ready in the sense of grpc.health.v1 ("", "liveness" and "readiness"
  // serve). UNAVAILABLE, naming the addresses, if it cannot listen. The services must outlive it.
  //
  // TCP addresses get `credentials`; nullptr means plaintext. A unix socket is always plaintext:
  // the file's permissions guard it. `guard` keeps reflection from those who may not use it; both
  // outlive the server.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(
      const GrpcConfig& config, const std::vector<grpc::Service*>& services,
      std::shared_ptr<grpc::ServerCredentials> credentials,
      std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> guard);
  ~GrpcServer();

  // As bound: port 0 is replaced by the real one.
  const std::vector<ListenAddress>& addresses() const { return addresses_; }

  // Lets health say that no new calls should come: "" and "readiness"; "liveness" still serves.
  void SetNotReady();
  // Stops listening, cancels what is still running after `grace`, and waits until it is gone.
  void Stop(absl::Duration grace);

 private:
  GrpcServer() = default;

  std::vector<ListenAddress> addresses_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_GRPC_SERVER_H_
