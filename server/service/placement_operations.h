// What the calls of the placement service do, from message to message. Unary calls and streams
// share them.
#ifndef ELDR_SERVER_SERVICE_PLACEMENT_OPERATIONS_H_
#define ELDR_SERVER_SERVICE_PLACEMENT_OPERATIONS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "eldr/v1/placement.pb.h"
#include "server/rpc/service_context.h"

namespace eldr {

// Each fills its response, or answers an error and leaves the response to be thrown away.
absl::Status PushSignature(ServiceContext& context, const v1::PushSignatureRequest& request,
                           v1::PushSignatureResponse* response);
absl::Status UpdateBlocks(ServiceContext& context, const v1::UpdateBlocksRequest& request,
                          v1::UpdateBlocksResponse* response);
// Places at once, whatever the request's signature_wait. `trace_id`: the caller's, or empty.
absl::Status Place(ServiceContext& context, const v1::PlaceRequest& request,
                   absl::string_view trace_id, v1::PlaceResponse* response);
absl::Status RenewLease(ServiceContext& context, const v1::RenewLeaseRequest& request,
                        v1::RenewLeaseResponse* response);
absl::Status RenewLeases(ServiceContext& context, const v1::RenewLeasesRequest& request,
                         v1::RenewLeasesResponse* response);
absl::Status ReleaseLease(ServiceContext& context, const v1::ReleaseLeaseRequest& request,
                          v1::ReleaseLeaseResponse* response);
absl::Status ReleaseLeases(ServiceContext& context, const v1::ReleaseLeasesRequest& request,
                           v1::ReleaseLeasesResponse* response);
absl::Status ExplainPlacement(ServiceContext& context, const v1::ExplainPlacementRequest& request,
                              v1::ExplainPlacementResponse* response);

}  // namespace eldr

#endif  // ELDR_SERVER_SERVICE_PLACEMENT_OPERATIONS_H_
