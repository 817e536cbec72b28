// Nodes that come, take the place of others, and are forgotten.
#include <utility>

#include "core/base/status_macros.h"
#include "core/route/model_router.h"

namespace eldr {

absl::StatusOr<RegisterResult> ModelRouter::RegisterNode(const NodeSpec& spec) {
  ELDR_RETURN_IF_ERROR(ValidateNodeSpec(spec, options_.node_timeout));
  MutexLock lock(mutex_);
  const MonotonicTime now = Advance();
  ELDR_ASSIGN_OR_RETURN(const Registration registration, book_.CheckRegistration(spec, now));
  RegisterResult result;
  result.created = registration != Registration::kKnown;
  if (registration == Registration::kSuccessor) {
    result.ended_leases = EndLeasesOn(*book_.FindNode(spec.node_id), LeaseEnd::kNodeRemoved, now);
  } else if (registration == Registration::kNew && book_.is_full_of_nodes()) {
    if (DecodeNode* const dispensable = book_.FindDispensable(now)) Forget(*dispensable, now);
  }
  Change change = {.what = NodeRegistered{spec, clock_.Wall()}};
  ELDR_ASSIGN_OR_RETURN(const Applied applied, Commit(change, now));
  const DecodeNode& node = *applied.node;
  result.state = node.state;
  if (const DecodeNode* const twin = FindTwin(node)) {
    result.shares_address_with = twin->spec.node_id;
    if (result.created) observer_.OnAddressShared(node, *twin);
  }
  return result;
}

const DecodeNode* ModelRouter::FindTwin(const DecodeNode& node) const {
  for (const auto& other : book_.fleet().nodes()) {
    if (other.get() == &node || other->state == NodeState::kLost) continue;
    // One without a rank is the whole engine.
    const bool same_rank =
        !other->spec.dp_rank || !node.spec.dp_rank || other->spec.dp_rank == node.spec.dp_rank;
    if (same_rank && other->spec.address == node.spec.address) return other.get();
  }
  return nullptr;
}

void ModelRouter::Forget(DecodeNode& node, MonotonicTime now) {
  forgotten_.push_back(node.spec.node_id);
  EndLeasesOn(node, LeaseEnd::kNodeRemoved, now);
  EnterRemoval(node, now);
}

absl::Status ModelRouter::GiveWay(absl::string_view node_id) {
  MutexLock lock(mutex_);
  const MonotonicTime now = Advance();
  DecodeNode* const node = book_.FindNode(node_id);
  if (node == nullptr) return absl::OkStatus();
  ELDR_RETURN_IF_ERROR(CheckGivesWay(*node, options_.node_timeout, now));
  Forget(*node, now);
  return absl::OkStatus();
}

std::vector<std::string> ModelRouter::TakeForgotten() {
  MutexLock lock(mutex_);
  return std::exchange(forgotten_, {});
}

bool ModelRouter::HasNode(absl::string_view node_id) const {
  MutexLock lock(mutex_);
  return book_.FindNode(node_id) != nullptr;
}

}  // namespace eldr
