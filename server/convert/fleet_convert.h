// Between the messages of fleet.proto and core's structs; see proto_convert.h.
#ifndef ELDR_SERVER_CONVERT_FLEET_CONVERT_H_
#define ELDR_SERVER_CONVERT_FLEET_CONVERT_H_

#include <vector>

#include "absl/status/statusor.h"
#include "core/route/router.h"
#include "eldr/v1/fleet.pb.h"

namespace eldr {

absl::StatusOr<NodeSpec> FromProto(const v1::NodeSpec& spec);
// Borrows from the message and from `steps`, which it fills.
absl::StatusOr<NodeReport> FromProto(const v1::HeartbeatRequest& request,
                                     std::vector<StepStats>* steps);

void ToProto(const NodeSpec& spec, v1::NodeSpec* proto);
v1::NodeState ToProto(NodeState state);
void ToProto(const HeartbeatResult& result, v1::HeartbeatResponse* proto);
void ToProto(const NodeStatus& status, v1::Node* proto);
void ToProto(const Residency& residency, v1::GetResidencyResponse* proto);

}  // namespace eldr

#endif  // ELDR_SERVER_CONVERT_FLEET_CONVERT_H_
