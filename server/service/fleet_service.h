// The gRPC face of the fleet; see fleet.proto.
#ifndef ELDR_SERVER_SERVICE_FLEET_SERVICE_H_
#define ELDR_SERVER_SERVICE_FLEET_SERVICE_H_

#include "eldr/v1/fleet.grpc.pb.h"
#include "server/rpc/service_context.h"

namespace eldr {

// Runs on gRPC's own threads and never blocks one.
class FleetService final : public v1::FleetService::CallbackService {
 public:
  explicit FleetService(ServiceContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* RegisterNode(grpc::CallbackServerContext* rpc,
                                         const v1::RegisterNodeRequest* request,
                                         v1::RegisterNodeResponse* response) override;
  grpc::ServerUnaryReactor* Heartbeat(grpc::CallbackServerContext* rpc,
                                      const v1::HeartbeatRequest* request,
                                      v1::HeartbeatResponse* response) override;
  grpc::ServerBidiReactor<v1::StreamHeartbeatsRequest, v1::StreamHeartbeatsResponse>*
  StreamHeartbeats(grpc::CallbackServerContext* rpc) override;
  grpc::ServerUnaryReactor* DrainNode(grpc::CallbackServerContext* rpc,
                                      const v1::DrainNodeRequest* request,
                                      v1::DrainNodeResponse* response) override;
  grpc::ServerUnaryReactor* UndrainNode(grpc::CallbackServerContext* rpc,
                                        const v1::UndrainNodeRequest* request,
                                        v1::UndrainNodeResponse* response) override;
  grpc::ServerUnaryReactor* RemoveNode(grpc::CallbackServerContext* rpc,
                                       const v1::RemoveNodeRequest* request,
                                       v1::RemoveNodeResponse* response) override;
  grpc::ServerUnaryReactor* ListNodes(grpc::CallbackServerContext* rpc,
                                      const v1::ListNodesRequest* request,
                                      v1::ListNodesResponse* response) override;
  grpc::ServerUnaryReactor* GetResidency(grpc::CallbackServerContext* rpc,
                                         const v1::GetResidencyRequest* request,
                                         v1::GetResidencyResponse* response) override;

 private:
  ServiceContext& context_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_SERVICE_FLEET_SERVICE_H_
