// The gRPC face of placement; see placement.proto.
#ifndef ELDR_SERVER_SERVICE_PLACEMENT_SERVICE_H_
#define ELDR_SERVER_SERVICE_PLACEMENT_SERVICE_H_

#include "eldr/v1/placement.grpc.pb.h"
#include "server/rpc/service_context.h"

namespace eldr {

// Runs on gRPC's own threads and never blocks one.
class PlacementService final : public v1::PlacementService::CallbackService {
 public:
  explicit PlacementService(ServiceContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* PushSignature(grpc::CallbackServerContext* rpc,
                                          const v1::PushSignatureRequest* request,
                                          v1::PushSignatureResponse* response) override;
  grpc::ServerBidiReactor<v1::StreamSignaturesRequest, v1::StreamSignaturesResponse>*
  StreamSignatures(grpc::CallbackServerContext* rpc) override;
  grpc::ServerUnaryReactor* UpdateBlocks(grpc::CallbackServerContext* rpc,
                                         const v1::UpdateBlocksRequest* request,
                                         v1::UpdateBlocksResponse* response) override;
  grpc::ServerUnaryReactor* Place(grpc::CallbackServerContext* rpc, const v1::PlaceRequest* request,
                                  v1::PlaceResponse* response) override;
  grpc::ServerBidiReactor<v1::StreamPlacementsRequest, v1::StreamPlacementsResponse>*
  StreamPlacements(grpc::CallbackServerContext* rpc) override;
  grpc::ServerUnaryReactor* RenewLease(grpc::CallbackServerContext* rpc,
                                       const v1::RenewLeaseRequest* request,
                                       v1::RenewLeaseResponse* response) override;
  grpc::ServerUnaryReactor* RenewLeases(grpc::CallbackServerContext* rpc,
                                        const v1::RenewLeasesRequest* request,
                                        v1::RenewLeasesResponse* response) override;
  grpc::ServerUnaryReactor* ReleaseLease(grpc::CallbackServerContext* rpc,
                                         const v1::ReleaseLeaseRequest* request,
                                         v1::ReleaseLeaseResponse* response) override;
  grpc::ServerUnaryReactor* ReleaseLeases(grpc::CallbackServerContext* rpc,
                                          const v1::ReleaseLeasesRequest* request,
                                          v1::ReleaseLeasesResponse* response) override;
  grpc::ServerUnaryReactor* ExplainPlacement(grpc::CallbackServerContext* rpc,
                                             const v1::ExplainPlacementRequest* request,
                                             v1::ExplainPlacementResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchPlacementsResponse>* WatchPlacements(
      grpc::CallbackServerContext* rpc, const v1::WatchPlacementsRequest* request) override;

 private:
  ServiceContext& context_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_SERVICE_PLACEMENT_SERVICE_H_
