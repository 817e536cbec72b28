// Between the messages of placement.proto and core's structs; see proto_convert.h.
#ifndef ELDR_SERVER_CONVERT_PLACEMENT_CONVERT_H_
#define ELDR_SERVER_CONVERT_PLACEMENT_CONVERT_H_

#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/route/router.h"
#include "eldr/v1/placement.pb.h"

namespace eldr {

// Each result borrows from its message.
absl::StatusOr<SignaturePush> FromProto(const v1::PushSignatureRequest& request);
absl::StatusOr<BlockUpdate> FromProto(const v1::UpdateBlocksRequest& request);
absl::StatusOr<PlacementQuery> FromProto(const v1::PlaceRequest& request);
LeaseKey FromProto(const v1::LeaseKey& key);
absl::StatusOr<LeaseRelease> FromProto(const v1::ReleaseLeaseRequest& request);

// How long the query waits for a signature: 0 if it brings one, or blocks. INVALID_ARGUMENT beyond
// 50 ms.
absl::StatusOr<absl::Duration> SignatureWaitOf(const v1::PlaceRequest& request);
// The time to live that a renewal asks for, if it does.
absl::StatusOr<std::optional<absl::Duration>> LeaseTtlOf(const v1::RenewLeaseRequest& request);

v1::PlacementReason ToProto(PlacementReason reason);
void ToProto(const PushResult& result, v1::PushSignatureResponse* proto);
void ToProto(const BlockUpdateResult& result, v1::UpdateBlocksResponse* proto);
void ToProto(const Placement& placement, v1::PlaceResponse* proto);
void ToProto(const Explanation& explanation, v1::ExplainPlacementResponse* proto);
v1::LeaseOutcome ToProto(LeaseOutcome outcome);

}  // namespace eldr

#endif  // ELDR_SERVER_CONVERT_PLACEMENT_CONVERT_H_
