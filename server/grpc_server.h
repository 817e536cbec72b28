// The gRPC port: services, health and reflection.
#ifndef ELDR_SERVER_GRPC_SERVER_H_
#define ELDR_SERVER_GRPC_SERVER_H_

#include <grpcpp/server.h>

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/config.h"
#include "server/listen_address.h"

namespace eldr {

class GrpcServer {
 public:
  // Listens when it returns; ready in the sense of grpc.health.v1 ("", "liveness" and "readiness"
  // serve). UNAVAILABLE, naming the addresses, if it cannot listen. The services must outlive it.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(
      const GrpcConfig& config, const std::vector<grpc::Service*>& services);
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
