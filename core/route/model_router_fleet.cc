// Nodes: registration, heartbeats, drain and loss.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/limit_exceeded.h"
#include "core/base/status_macros.h"
#include "core/route/model_router.h"

namespace eldr {
namespace {

// OK if `spec` may replace the registration of `node` under an equal incarnation.
absl::Status CheckSameIncarnation(const DecodeNode& node, const NodeSpec& spec) {
  if (spec.address != node.spec.address || spec.dp_rank != node.spec.dp_rank) {
    return absl::AlreadyExistsError(absl::StrCat(
        "node.node_id: \"", spec.node_id, "\" is registered at ", node.spec.address,
        " with the same incarnation (", spec.incarnation, "), expected an id of its own"));
  }
  const bool moves = spec.group_name() != node.spec.group_name() ||
                     spec.tokens_per_step != node.spec.tokens_per_step;
  if (moves && node.leases > 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "node \"", spec.node_id, "\" holds ", node.leases,
        " leases: expected the same expert_group and tokens_per_step, or a higher incarnation"));
  }
  return absl::OkStatus();
}

std::optional<absl::Duration> MeanStepTime(absl::Span<const StepStats> steps) {
  absl::Duration total;
  std::uint64_t count = 0;
  for (const StepStats& bucket : steps) {
    total += bucket.total_duration;
    count += bucket.steps;
  }
  if (count == 0) return std::nullopt;
  return absl::Seconds(absl::ToDoubleSeconds(total) / static_cast<double>(count));
}

void ForgetReports(DecodeNode& node) {
  node.reported_running = 0;
  node.reported_queued = 0;
  node.reported_kv_usage.reset();
  node.reported_step_time.reset();
  node.placed_since_report = 0;
  node.ended_since_report = 0;
}

}  // namespace

absl::StatusOr<DecodeNode*> ModelRouter::FindNode(absl::string_view node_id) const {
  if (DecodeNode* node = fleet_.Find(node_id)) return node;
  return absl::NotFoundError(absl::StrCat("node_id: \"", node_id, "\" is not registered"));
}

void ModelRouter::ChangeState(DecodeNode& node, NodeState state) {
  const NodeState before = std::exchange(node.state, state);
  if (before == state) return;
  fleet_changed_ = true;
  observer_.OnNodeState(node, before);
}

absl::StatusOr<RegisterResult> ModelRouter::RegisterNode(const NodeSpec& spec) {
  ELDR_RETURN_IF_ERROR(ValidateNodeSpec(spec, options_.node_timeout));
  MutexLock lock(mutex_);
  const MonotonicTime now = Advance();
  RegisterResult result;
  DecodeNode* node = fleet_.Find(spec.node_id);
  if (node == nullptr) {
    if (fleet_.nodes().size() >= options_.max_nodes_per_model) {
      return LimitExceeded("nodes_per_model",
                           absl::StrCat("model \"", spec_.name, "\": has ", fleet_.nodes().size(),
                                        " nodes, the limit"));
    }
    node = &fleet_.Add(spec);
    result.created = true;
  } else if (spec.incarnation < node->spec.incarnation) {
    return absl::FailedPreconditionError(absl::StrCat(
        "node.incarnation: got ", spec.incarnation, ", expected at least ", node->spec.incarnation,
        ", which is registered for \"", spec.node_id, "\": a newer process took the id"));
  } else if (spec.incarnation == node->spec.incarnation) {
    ELDR_RETURN_IF_ERROR(CheckSameIncarnation(*node, spec));
    const bool begins = !node->sends_heartbeats() && node->state == NodeState::kReady;
    fleet_.Respecify(*node, spec);
    if (begins && node->sends_heartbeats()) {
      // It may hold leases, so it stays ready, and has a timeout to be heard.
      node->last_heartbeat.reset();
      node->restored_at = now;
      silence_.NodeHeard(now);
    }
    observer_.OnNodeRespecified(*node);
  } else {
    result.ended_leases = EndLeasesOn(*node, LeaseEnd::kNodeRemoved);
    fleet_.Respecify(*node, spec);
    ForgetReports(*node);
    fleet_.ForgetSteps(*node);
    node->last_heartbeat.reset();
    node->restored_at.reset();
    node->draining = false;
    result.created = true;
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
  return result;
}

absl::StatusOr<HeartbeatResult> ModelRouter::Heartbeat(const NodeReport& report) {
  ELDR_RETURN_IF_ERROR(ValidateNodeReport(report, spec_.geometry.cells()));
  MutexLock lock(mutex_);
  const MonotonicTime now = Advance();
  ELDR_ASSIGN_OR_RETURN(DecodeNode* const node, FindNode(report.node_id));
  if (report.incarnation != 0 && report.incarnation != node->spec.incarnation) {
    return absl::FailedPreconditionError(
        absl::StrCat("incarnation: got ", report.incarnation, ", expected ", node->spec.incarnation,
                     ", which is registered for \"", report.node_id, "\""));
  }
  HeartbeatResult result;
  for (const std::string* id : report.running_request_ids) {
    Lease* lease = leases_.Find(*id);
    if (lease != nullptr && lease->node == node) leases_.Renew(*lease, lease->ttl, now);
  }
  EndFinished(*node, report, now);
  if (report.complete_list) Reconcile(*node, report, now, result);
  // After the finished requests have ended: the counts are without them.
  node->last_heartbeat = now;
  const bool confirm = node->restored_at.has_value();
  node->restored_at.reset();
  node->reported_running = report.running;
  node->reported_queued = report.queued;
  node->reported_kv_usage = report.kv_usage;
  node->placed_since_report = 0;
  node->ended_since_report = 0;
  if (const auto step_time = MeanStepTime(report.steps)) node->reported_step_time = step_time;
  fleet_.ObserveSteps(*node, report.steps);
  silence_.NodeHeard(now);
  ChangeState(*node, NodeState::kReady);
  result.state = node->state;
  result.draining = node->draining;
  result.leases = node->leases;
  result.confirm = confirm;
  return result;
}

absl::StatusOr<std::uint32_t> ModelRouter::DrainNode(absl::string_view node_id) {
  MutexLock lock(mutex_);
  Advance();
  ELDR_ASSIGN_OR_RETURN(DecodeNode* const node, FindNode(node_id));
  if (!std::exchange(node->draining, true)) {
    fleet_changed_ = true;
    observer_.OnNodeDraining(*node);
  }
  return node->leases;
}

absl::StatusOr<NodeState> ModelRouter::UndrainNode(absl::string_view node_id) {
  MutexLock lock(mutex_);
  Advance();
  ELDR_ASSIGN_OR_RETURN(DecodeNode* const node, FindNode(node_id));
  if (std::exchange(node->draining, false)) {
    fleet_changed_ = true;
    observer_.OnNodeDraining(*node);
  }
  return node->state;
}

RemoveResult ModelRouter::RemoveNode(absl::string_view node_id) {
  MutexLock lock(mutex_);
  Advance();
  DecodeNode* const node = fleet_.Find(node_id);
  if (node == nullptr) return {};
  const std::uint32_t ended = EndLeasesOn(*node, LeaseEnd::kNodeRemoved);
  observer_.OnNodeRemoved(*node);
  fleet_.Remove(*node);
  fleet_changed_ = true;
  return {true, ended};
}

void ModelRouter::LoseSilentNodes(MonotonicTime now) {
  const bool was_stale = silence_.stale();
  for (DecodeNode* node : silence_.Check(fleet_.nodes(), now)) {
    EndLeasesOn(*node, LeaseEnd::kNodeLost);
    ForgetReports(*node);
    ChangeState(*node, NodeState::kLost);
  }
  if (silence_.stale() != was_stale) observer_.OnStaleFleet(spec_.name, silence_.stale());
}

std::vector<NodeStatus> ModelRouter::ListNodes(absl::string_view after, std::size_t most) const {
  MutexLock lock(mutex_);
  const MonotonicTime now = clock_.Monotonic();
  UpdateBatches(fleet_, silence_, now);
  std::vector<const DecodeNode*> nodes;
  for (const auto& node : fleet_.nodes()) {
    if (node->spec.node_id > after) nodes.push_back(node.get());
  }
  std::sort(nodes.begin(), nodes.end(), [](const DecodeNode* a, const DecodeNode* b) {
    return a->spec.node_id < b->spec.node_id;
  });
  if (nodes.size() > most) nodes.resize(most);
  std::vector<NodeStatus> list;
  list.reserve(nodes.size());
  for (const DecodeNode* const node : nodes) {
    NodeStatus& status = list.emplace_back();
    status.spec = node->spec;
    status.state = node->state;
    status.draining = node->draining;
    status.load = node->Load(silence_.ReportIsFresh(*node, now));
    status.leases = node->leases;
    status.kv_tokens = node->kv_tokens;
    status.reported_running = node->reported_running;
    status.reported_queued = node->reported_queued;
    status.reported_kv_usage = node->reported_kv_usage;
    status.reported_step_time = node->reported_step_time;
    if (node->last_heartbeat) status.heartbeat_age = now - *node->last_heartbeat;
    status.register_time = node->register_time;
    const ExpertGroup& group = *node->group;
    const double experts = group.residency.expected_experts();
    status.expected_experts_per_layer = experts / spec_.geometry.layers;
    status.step_time = group.step_time.CoefficientsAt(group.batch);
    if (group.batch > 0) {
      status.predicted_step_time = absl::Seconds(
          group.step_time.Predict(experts, group.batch, static_cast<double>(group.context_tokens)));
    }
  }
  return list;
}

absl::StatusOr<Residency> ModelRouter::GetResidency(absl::string_view node_id) const {
  MutexLock lock(mutex_);
  ELDR_ASSIGN_OR_RETURN(const DecodeNode* const node, FindNode(node_id));
  const ExpertGroup& group = *node->group;
  return Residency{spec_.name, group.name, spec_.geometry, group.residency.Activation(),
                   group.leases};
}

}  // namespace eldr
