// Nodes: heartbeats, drain and loss.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/route/model_router.h"

namespace eldr {
namespace {

absl::Duration TotalDuration(absl::Span<const StepStats> steps) {
  absl::Duration total;
  for (const StepStats& bucket : steps) total += bucket.total_duration;
  return total;
}

std::optional<absl::Duration> MeanStepTime(absl::Span<const StepStats> steps) {
  double count = 0;
  for (const StepStats& bucket : steps) count += static_cast<double>(bucket.steps);
  if (count == 0) return std::nullopt;
  return absl::Seconds(absl::ToDoubleSeconds(TotalDuration(steps)) / count);
}

// FAILED_PRECONDITION if the report is of another process than the one that is registered.
absl::Status CheckReporter(const DecodeNode& node, const NodeReport& report) {
  std::string wrong;
  if (report.incarnation != 0 && report.incarnation != node.spec.incarnation) {
    wrong =
        absl::StrCat("incarnation: got ", report.incarnation, ", expected ", node.spec.incarnation);
  } else if (!report.address.empty() && report.address != node.spec.address) {
    wrong =
        absl::StrCat("address: got \"", report.address, "\", expected \"", node.spec.address, "\"");
  } else if (!report.model.empty() && report.model != node.spec.model) {
    wrong = absl::StrCat("model: got \"", report.model, "\", expected \"", node.spec.model, "\"");
  } else {
    return absl::OkStatus();
  }
  absl::StrAppend(&wrong, ", which is registered for \"", report.node_id, "\"");
  if (node.displaced && report.incarnation == node.displaced->incarnation) {
    absl::StrAppend(&wrong, ": its successor at ", node.spec.address, " took the id");
  }
  return absl::FailedPreconditionError(wrong);
}

}  // namespace

absl::StatusOr<DecodeNode*> ModelRouter::FindNode(absl::string_view node_id) const {
  if (DecodeNode* node = fleet_.Find(node_id)) return node;
  return absl::NotFoundError(absl::StrCat("node_id: \"", node_id, "\" is not registered"));
}

void ModelRouter::ChangeState(DecodeNode& node, NodeState state) {
  const NodeState before = std::exchange(node.state, state);
  if (state != NodeState::kReady) BeginAbsence(node, clock_.Monotonic());
  if (before == state) return;
  fleet_changed_ = true;
  observer_.OnNodeState(node, before);
}

absl::StatusOr<HeartbeatResult> ModelRouter::Heartbeat(const NodeReport& report) {
  ELDR_RETURN_IF_ERROR(ValidateNodeReport(report, spec_.geometry.cells()));
  MutexLock lock(mutex_);
  const MonotonicTime now = Advance();
  ELDR_ASSIGN_OR_RETURN(DecodeNode* const node, FindNode(report.node_id));
  ELDR_RETURN_IF_ERROR(CheckReporter(*node, report));
  HeartbeatResult result;
  for (const std::string* id : report.running_request_ids) {
    Lease* lease = leases_.Find(*id);
    if (lease != nullptr && lease->node == node) leases_.Renew(*lease, lease->ttl, now);
  }
  EndFinished(*node, report, now);
  if (report.complete_list) Reconcile(*node, report, now, result);
  LearnSteps(*node, report.steps, now);
  // After the finished requests have ended: the counts are without them.
  const bool confirm = node->restored_at.has_value();
  detector_.NodeHeard(*node, now);
  node->leaving = false;
  node->reported_running = report.running;
  node->reported_queued = report.queued;
  node->reported_kv_usage = report.kv_usage;
  node->placed_since_report = 0;
  node->ended_since_report = 0;
  if (const auto step_time = MeanStepTime(report.steps)) node->reported_step_time = step_time;
  ChangeState(*node, NodeState::kReady);
  result.state = node->state;
  result.draining = node->draining;
  result.leases = node->leases;
  result.confirm = confirm;
  return result;
}

void ModelRouter::LearnSteps(DecodeNode& node, absl::Span<const StepStats> steps,
                             MonotonicTime now) {
  Disbeliefs disbeliefs;
  // With much room for reports that were held up, or told twice.
  if (node.last_heartbeat &&
      TotalDuration(steps) > 2 * (now - *node.last_heartbeat) + 10 * options_.node_timeout) {
    disbeliefs.set(static_cast<std::size_t>(Disbelief::kClock));
  } else {
    disbeliefs = fleet_.ObserveSteps(node, steps);
  }
  for (std::size_t cause = 0; cause < kDisbeliefs; ++cause) {
    if (!disbeliefs.test(cause)) continue;
    observer_.OnReportNotBelieved(node, static_cast<Disbelief>(cause), ++node.not_believed[cause]);
  }
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
  RemoveResult result;
  while (!RemovePart(node_id, result)) LetOthersIn();
  return result;
}

bool ModelRouter::RemovePart(absl::string_view node_id, RemoveResult& result) {
  MutexLock lock(mutex_);
  Advance();
  DecodeNode* const node = fleet_.Find(node_id);
  if (node == nullptr) return true;
  node->leaving = true;
  result.ended_leases += EndLeasesOn(*node, LeaseEnd::kNodeRemoved, kMostEndsAtOnce);
  if (node->leases > 0) return false;
  observer_.OnNodeRemoved(*node);
  fleet_.Remove(*node);
  fleet_changed_ = true;
  result.removed = true;
  return true;
}

void ModelRouter::LoseSilentNodes(MonotonicTime now) {
  const bool panic = detector_.panic();
  const std::vector<DecodeNode*> lost = detector_.Check(fleet_.nodes(), now);
  if (detector_.panic() != panic) observer_.OnPanicMode(spec_.name, detector_.panic());
  for (DecodeNode* node : lost) node->leaving = true;
  std::size_t room = kMostEndsAtOnce;
  for (DecodeNode* node : lost) {
    room -= EndLeasesOn(*node, LeaseEnd::kNodeLost, room);
    if (node->leases > 0) {
      backlog_ = true;
      detector_.CheckBy(now);  // this one and those after it come again
      return;
    }
    node->leaving = false;
    node->ForgetReports();
    ChangeState(*node, NodeState::kLost);
  }
}

std::vector<NodeStatus> ModelRouter::ListNodes(absl::string_view after, std::size_t most) const {
  MutexLock lock(mutex_);
  const MonotonicTime now = clock_.Monotonic();
  UpdateBatches(fleet_, detector_, now);
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
    status.state = detector_.IsKeptByPanic(*node, now) ? NodeState::kLostInPanic : node->state;
    status.not_believed = node->not_believed;
    status.draining = node->draining;
    status.load = node->Load(detector_.ReportIsFresh(*node, now));
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
