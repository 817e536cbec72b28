#include "server/auth/call_roles.h"

namespace eldr {

// A switch without a default, so that a new call does not compile before it is decided who may make
// it.
RoleSet RolesOf(Call call) {
  switch (call) {
    // A frontend may push what its engine answered: a query can carry the same signature.
    case Call::kPushSignature:
    case Call::kStreamSignatures:
      return {Role::kPrefill, Role::kFrontend, Role::kAdmin};
    case Call::kUpdateBlocks:
      return {Role::kPrefill, Role::kAdmin};
    case Call::kPlace:
    case Call::kStreamPlacements:
    case Call::kRenewLease:
    case Call::kRenewLeases:
      return {Role::kFrontend, Role::kAdmin};
    // A decode node knows first that a request is done, and which experts it activated.
    case Call::kReleaseLease:
    case Call::kReleaseLeases:
      return {Role::kDecode, Role::kFrontend, Role::kAdmin};
    // A node that may come may go, and pause. By registering a higher incarnation it could end its
    // leases and a drain anyway.
    case Call::kRegisterNode:
    case Call::kHeartbeat:
    case Call::kStreamHeartbeats:
    case Call::kDrainNode:
    case Call::kUndrainNode:
    case Call::kRemoveNode:
      return {Role::kDecode, Role::kAdmin};
    case Call::kDeclareModel:
      return {Role::kAdmin};
    case Call::kListNodes:
    case Call::kGetResidency:
    case Call::kExplainPlacement:
    case Call::kWatchPlacements:
    case Call::kGetHistory:
      return {Role::kRead, Role::kAdmin};
    // Every worker needs the geometry of what it serves.
    case Call::kListModels:
    case Call::kDescribeModel:
      return RoleSet::All();
  }
  return {Role::kAdmin};
}

bool IsAdministrative(Call call) {
  switch (call) {
    case Call::kRegisterNode:
    case Call::kDrainNode:
    case Call::kUndrainNode:
    case Call::kRemoveNode:
    case Call::kDeclareModel:
      return true;
    default:
      return false;
  }
}

}  // namespace eldr
