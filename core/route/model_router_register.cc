// Nodes that come, take the place of others, and are forgotten.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/limit_exceeded.h"
#include "core/base/status_macros.h"
#include "core/route/model_router.h"

namespace eldr {
namespace {

constexpr absl::string_view kRemedies =
    "give this node an id of its own, or remove the other one first (it gives way by itself once "
    "it is lost)";

bool SameAddress(const DecodeNode& node, const NodeSpec& spec) {
  return node.spec.address == spec.address && node.spec.dp_rank == spec.dp_rank;
}

// How long ago it was heard, for messages.
std::string Heard(const DecodeNode& node, MonotonicTime now) {
  if (!node.sends_heartbeats()) return "sends no heartbeats";
  if (!node.last_heartbeat) return "is expected to send heartbeats";
  return absl::StrCat(
      "was heard ",
      absl::FormatDuration(absl::Trunc(now - *node.last_heartbeat, absl::Milliseconds(1))), " ago");
}

// OK if a process that is registered may change its particulars to `spec`.
absl::Status CheckRespecifies(const DecodeNode& node, const NodeSpec& spec) {
  const bool moves = spec.group_name() != node.spec.group_name() ||
                     spec.tokens_per_step != node.spec.tokens_per_step;
  if (!moves || node.leases == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "node \"", spec.node_id, "\" holds ", node.leases,
      " leases: expected the same expert_group and tokens_per_step, or a higher incarnation"));
}

}  // namespace

absl::StatusOr<RegisterResult> ModelRouter::RegisterNode(const NodeSpec& spec) {
  ELDR_RETURN_IF_ERROR(ValidateNodeSpec(spec, options_.node_timeout));
  MutexLock lock(mutex_);
  const MonotonicTime now = Advance();
  RegisterResult result;
  DecodeNode* node = fleet_.Find(spec.node_id);
  if (node == nullptr) {
    ELDR_ASSIGN_OR_RETURN(node, AddNode(spec, now));
    result.created = true;
  } else {
    ELDR_ASSIGN_OR_RETURN(result.created, Displaces(*node, spec, now));
    if (result.created) {
      result.ended_leases = Replace(*node, spec);
    } else {
      Respecify(*node, spec, now);
    }
  }
  if (result.created) {
    fleet_changed_ = true;
    node->register_time = clock_.Wall();
    observer_.OnNodeRegistered(*node);
  }
  if (!node->sends_heartbeats()) {
    ChangeState(*node, NodeState::kReady);
  } else if (!node->last_heartbeat && !node->restored_at) {
    ChangeState(*node, NodeState::kJoining);
  }
  result.state = node->state;
  if (const DecodeNode* const twin = FindTwin(*node)) {
    result.shares_address_with = twin->spec.node_id;
    if (result.created) observer_.OnAddressShared(*node, *twin);
  }
  return result;
}

absl::StatusOr<DecodeNode*> ModelRouter::AddNode(const NodeSpec& spec, MonotonicTime now) {
  if (fleet_.nodes().size() >= options_.max_nodes_per_model) {
    DecodeNode* const dispensable = FindDispensable(now);
    if (dispensable == nullptr) {
      return LimitExceeded("nodes_per_model",
                           absl::StrCat("model \"", spec_.name, "\": has ", fleet_.nodes().size(),
                                        " nodes, the limit, and none is lost"));
    }
    Forget(*dispensable);
  }
  return &fleet_.Add(spec);
}

absl::StatusOr<bool> ModelRouter::Displaces(const DecodeNode& node, const NodeSpec& spec,
                                            MonotonicTime now) const {
  const NodeSpec& held = node.spec;
  if (spec.incarnation == held.incarnation && SameAddress(node, spec)) {
    ELDR_RETURN_IF_ERROR(CheckRespecifies(node, spec));
    return false;
  }
  if (IsAbsent(node, now)) return true;
  if (spec.incarnation > held.incarnation && node.displaced &&
      node.displaced->incarnation == spec.incarnation && node.displaced->address == spec.address &&
      node.displaced->dp_rank == spec.dp_rank) {
    return absl::FailedPreconditionError(absl::StrCat(
        "node.incarnation: got ", spec.incarnation, " of the process at ", spec.address,
        ", which lost the id \"", spec.node_id, "\" to its successor at ", held.address, " (",
        held.incarnation, "); that one ", Heard(node, now), ": ", kRemedies));
  }
  if (spec.incarnation > held.incarnation) return true;
  if (spec.incarnation < held.incarnation) {
    return absl::FailedPreconditionError(absl::StrCat(
        "node.incarnation: got ", spec.incarnation, ", expected at least ", held.incarnation,
        ", which is registered for \"", spec.node_id, "\" and ", Heard(node, now),
        ": a newer process took the id; if its clock was ahead, ", kRemedies));
  }
  return absl::AlreadyExistsError(absl::StrCat(
      "node.node_id: \"", spec.node_id, "\" is registered at ", held.address,
      " with the same incarnation (", spec.incarnation, ") and ", Heard(node, now),
      ": register a higher incarnation if this is its next process; else ", kRemedies));
}

std::uint32_t ModelRouter::Replace(DecodeNode& node, const NodeSpec& spec) {
  const std::uint32_t ended = EndLeasesOn(node, LeaseEnd::kNodeRemoved);
  node.displaced = {node.spec.address, node.spec.dp_rank, node.spec.incarnation};
  fleet_.Respecify(node, spec);
  fleet_.ForgetSteps(node);
  node.ForgetReports();
  node.not_believed.fill(0);
  node.last_heartbeat.reset();
  node.restored_at.reset();
  node.draining = false;
  node.leaving = false;
  return ended;
}

void ModelRouter::Respecify(DecodeNode& node, const NodeSpec& spec, MonotonicTime now) {
  const bool begins = !node.sends_heartbeats() && node.state == NodeState::kReady;
  fleet_.Respecify(node, spec);
  // It may hold leases, so it stays ready, and has a timeout to be heard.
  if (begins && node.sends_heartbeats()) detector_.AwaitNode(node, now);
  observer_.OnNodeRespecified(node);
}

const DecodeNode* ModelRouter::FindTwin(const DecodeNode& node) const {
  for (const auto& other : fleet_.nodes()) {
    if (other.get() == &node || other->state == NodeState::kLost) continue;
    // One without a rank is the whole engine.
    const bool same_rank =
        !other->spec.dp_rank || !node.spec.dp_rank || other->spec.dp_rank == node.spec.dp_rank;
    if (same_rank && other->spec.address == node.spec.address) return other.get();
  }
  return nullptr;
}

bool ModelRouter::IsAbsent(const DecodeNode& node, MonotonicTime now) const {
  if (node.state == NodeState::kJoining) return now - node.absent_since > options_.node_timeout;
  return node.state == NodeState::kLost;
}

DecodeNode* ModelRouter::FindDispensable(MonotonicTime now) const {
  DecodeNode* found = nullptr;
  // One that has yet to load its model may take long to be heard: it goes last, and not soon.
  const auto dispensable = [&](const DecodeNode& node) {
    if (node.state == NodeState::kLost) return true;
    return node.state == NodeState::kJoining &&
           now - node.absent_since >= options_.forget_lost_after;
  };
  const auto before = [](const DecodeNode& a, const DecodeNode& b) {
    if (a.state != b.state) return a.state == NodeState::kLost;
    return a.absent_since < b.absent_since;
  };
  for (const auto& node : fleet_.nodes()) {
    if (!dispensable(*node)) continue;
    if (found == nullptr || before(*node, *found)) found = node.get();
  }
  return found;
}

void ModelRouter::BeginAbsence(DecodeNode& node, MonotonicTime now) {
  node.absent_since = now;
  next_forget_ = std::min(next_forget_, now + options_.forget_lost_after);
}

void ModelRouter::ForgetLostNodes(MonotonicTime now) {
  std::vector<DecodeNode*> going;
  next_forget_ = absl::InfiniteDuration();
  for (const auto& node : fleet_.nodes()) {
    if (node->state != NodeState::kLost) continue;
    const MonotonicTime at = node->absent_since + options_.forget_lost_after;
    if (at <= now) {
      going.push_back(node.get());
    } else {
      next_forget_ = std::min(next_forget_, at);
    }
  }
  for (DecodeNode* node : going) Forget(*node);
}

void ModelRouter::Forget(DecodeNode& node) {
  forgotten_.push_back(node.spec.node_id);
  EndLeasesOn(node, LeaseEnd::kNodeRemoved);
  observer_.OnNodeRemoved(node);
  fleet_.Remove(node);
  fleet_changed_ = true;
}

absl::Status ModelRouter::GiveWay(absl::string_view node_id) {
  MutexLock lock(mutex_);
  const MonotonicTime now = Advance();
  DecodeNode* const node = fleet_.Find(node_id);
  if (node == nullptr) return absl::OkStatus();
  if (!IsAbsent(*node, now)) {
    return absl::AlreadyExistsError(
        absl::StrCat("node.node_id: \"", node_id, "\" is registered for model \"", spec_.name,
                     "\" at ", node->spec.address, " and ", Heard(*node, now), ": ", kRemedies));
  }
  Forget(*node);
  return absl::OkStatus();
}

std::vector<std::string> ModelRouter::TakeForgotten() {
  MutexLock lock(mutex_);
  return std::exchange(forgotten_, {});
}

bool ModelRouter::HasNode(absl::string_view node_id) const {
  MutexLock lock(mutex_);
  return fleet_.Find(node_id) != nullptr;
}

}  // namespace eldr
