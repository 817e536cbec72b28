// Nodes that come, report, are lost and go.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/limit_exceeded.h"
#include "core/base/status_macros.h"
#include "core/books/book.h"

namespace eldr {
namespace {

absl::Status CheckHoldsNone(const DecodeNode& node) {
  if (node.leases == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("node \"", node.spec.node_id, "\" holds ", node.leases, " leases"));
}

}  // namespace

absl::StatusOr<Registration> Book::CheckRegistration(const NodeSpec& spec,
                                                     MonotonicTime now) const {
  const DecodeNode* const node = fleet_.Find(spec.node_id);
  if (node == nullptr) return Registration::kNew;
  return eldr::CheckRegistration(*node, spec, options_.silence.node_timeout, now);
}

absl::StatusOr<Applied> Book::Make(const NodeRegistered& registered, MonotonicTime at) {
  const NodeSpec& spec = registered.spec;
  ELDR_ASSIGN_OR_RETURN(const Registration registration, CheckRegistration(spec, at));
  DecodeNode* node = fleet_.Find(spec.node_id);
  if (registration == Registration::kNew) {
    if (is_full_of_nodes()) {
      return LimitExceeded("nodes_per_model", absl::StrCat("model \"", options_.model, "\": has ",
                                                           fleet_.nodes().size(),
                                                           " nodes, the limit, and none is lost"));
    }
    node = &fleet_.Add(spec);
  } else if (registration == Registration::kSuccessor) {
    ELDR_RETURN_IF_ERROR(CheckHoldsNone(*node));
    Succeed(*node, spec);
  } else {
    const bool begins = !node->sends_heartbeats() && node->state == NodeState::kReady;
    fleet_.Respecify(*node, spec);
    // It may hold leases, so it stays ready, and has a timeout to be heard.
    if (begins && node->sends_heartbeats()) detector_.AwaitNode(*node, at);
  }
  const NodeState before = node->state;
  if (registration != Registration::kKnown) {
    node->register_time = registered.time;
    ++fleet_version_;
  }
  if (!node->sends_heartbeats()) {
    SetState(*node, NodeState::kReady, at);
  } else if (!node->last_heartbeat && !node->restored_at) {
    SetState(*node, NodeState::kJoining, at);
  }
  return Applied{.node = node, .state_before = before, .registration = registration};
}

void Book::Succeed(DecodeNode& node, const NodeSpec& spec) {
  node.displaced = {node.spec.address, node.spec.dp_rank, node.spec.incarnation};
  fleet_.Respecify(node, spec);
  fleet_.ForgetSteps(node);
  node.ForgetReports();
  node.not_believed.fill(0);
  node.last_heartbeat.reset();
  node.restored_at.reset();
  node.draining = false;
  node.leaving = false;
}

absl::StatusOr<Applied> Book::Make(const NodeReported& reported, MonotonicTime at) {
  ELDR_ASSIGN_OR_RETURN(DecodeNode* const node, NodeOf(reported.node_id));
  Applied applied{.node = node, .state_before = node->state};
  for (const std::string& request_id : reported.running_requests) {
    Lease* const lease = leases_.Find(request_id);
    if (lease != nullptr && lease->node == node) leases_.Renew(*lease, lease->ttl, at);
  }
  applied.disbeliefs = LearnSteps(*node, reported.steps, at);
  detector_.NodeHeard(*node, at);
  node->leaving = false;
  node->reported_running = reported.running;
  node->reported_queued = reported.queued;
  node->reported_kv_usage = reported.kv_usage;
  node->placed_since_report = 0;
  node->ended_since_report = 0;
  if (const auto step_time = MeanStepTime(reported.steps)) node->reported_step_time = step_time;
  SetState(*node, NodeState::kReady, at);
  return applied;
}

Disbeliefs Book::LearnSteps(DecodeNode& node, absl::Span<const StepStats> steps, MonotonicTime at) {
  Disbeliefs disbeliefs;
  // With much room for reports that were held up, or told twice.
  if (node.last_heartbeat &&
      TotalDuration(steps) > 2 * (at - *node.last_heartbeat) + 10 * options_.silence.node_timeout) {
    disbeliefs.set(static_cast<std::size_t>(Disbelief::kClock));
  } else {
    disbeliefs = fleet_.ObserveSteps(node, steps);
  }
  for (std::size_t cause = 0; cause < kDisbeliefs; ++cause) {
    if (disbeliefs.test(cause)) ++node.not_believed[cause];
  }
  return disbeliefs;
}

absl::StatusOr<Applied> Book::Make(const NodeDrained& drained, MonotonicTime /*at*/) {
  ELDR_ASSIGN_OR_RETURN(DecodeNode* const node, NodeOf(drained.node_id));
  node->draining = drained.draining;
  ++fleet_version_;
  return Applied{.node = node, .state_before = node->state};
}

absl::StatusOr<Applied> Book::Make(const NodeLeaving& leaving, MonotonicTime /*at*/) {
  ELDR_ASSIGN_OR_RETURN(DecodeNode* const node, NodeOf(leaving.node_id));
  node->leaving = true;
  return Applied{.node = node, .state_before = node->state};
}

absl::StatusOr<Applied> Book::Make(const NodeLost& lost, MonotonicTime at) {
  ELDR_ASSIGN_OR_RETURN(DecodeNode* const node, NodeOf(lost.node_id));
  ELDR_RETURN_IF_ERROR(CheckHoldsNone(*node));
  const NodeState before = node->state;
  node->leaving = false;
  node->ForgetReports();
  SetState(*node, NodeState::kLost, at);
  return Applied{.node = node, .state_before = before};
}

absl::StatusOr<Applied> Book::Make(const NodeRemoved& removed, MonotonicTime /*at*/) {
  ELDR_ASSIGN_OR_RETURN(DecodeNode* const node, NodeOf(removed.node_id));
  ELDR_RETURN_IF_ERROR(CheckHoldsNone(*node));
  // The lease that ended last may name it.
  if (ended_ != nullptr) leases_.Recycle(std::move(ended_));
  fleet_.Remove(*node);
  ++fleet_version_;
  return Applied{};
}

void Book::SetState(DecodeNode& node, NodeState state, MonotonicTime at) {
  const NodeState before = std::exchange(node.state, state);
  if (state != NodeState::kReady) BeginAbsence(node, at);
  if (before != state) ++fleet_version_;
}

void Book::BeginAbsence(DecodeNode& node, MonotonicTime at) {
  node.absent_since = at;
  next_forget_ = std::min(next_forget_, at + options_.forget_lost_after);
}

DecodeNode* Book::FindDispensable(MonotonicTime now) const {
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

std::vector<DecodeNode*> Book::FindForgettable(MonotonicTime now) {
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
  return going;
}

}  // namespace eldr
