// What the calls of the fleet service do, from message to message. Unary calls and streams share
// them.
#ifndef ELDR_SERVER_FLEET_OPERATIONS_H_
#define ELDR_SERVER_FLEET_OPERATIONS_H_

#include "absl/status/status.h"
#include "eldr/v1/fleet.pb.h"
#include "server/rpc/service_context.h"

namespace eldr {

// Each fills its response, or answers an error and leaves the response to be thrown away.
absl::Status RegisterNode(ServiceContext& context, const v1::RegisterNodeRequest& request,
                          v1::RegisterNodeResponse* response);
absl::Status Heartbeat(ServiceContext& context, const v1::HeartbeatRequest& request,
                       v1::HeartbeatResponse* response);
absl::Status DrainNode(ServiceContext& context, const v1::DrainNodeRequest& request,
                       v1::DrainNodeResponse* response);
absl::Status UndrainNode(ServiceContext& context, const v1::UndrainNodeRequest& request,
                         v1::UndrainNodeResponse* response);
absl::Status RemoveNode(ServiceContext& context, const v1::RemoveNodeRequest& request,
                        v1::RemoveNodeResponse* response);
absl::Status ListNodes(ServiceContext& context, const v1::ListNodesRequest& request,
                       v1::ListNodesResponse* response);
absl::Status GetResidency(ServiceContext& context, const v1::GetResidencyRequest& request,
                          v1::GetResidencyResponse* response);

}  // namespace eldr

#endif  // ELDR_SERVER_FLEET_OPERATIONS_H_
