// Nodes: heartbeats, drain and loss.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/route/model_router.h"
#include "core/route/node_status.h"

namespace eldr {
namespace {

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
  if (DecodeNode* const node = book_.FindNode(node_id)) return node;
  return absl::NotFoundError(absl::StrCat("node_id: \"", node_id, "\" is not registered"));
}

absl::StatusOr<HeartbeatResult> ModelRouter::Heartbeat(const NodeReport& report) {
  ELDR_RETURN_IF_ERROR(ValidateNodeReport(report, spec_.geometry.cells()));
  MutexLock lock(mutex_);
  const MonotonicTime now = Advance();
  ELDR_ASSIGN_OR_RETURN(DecodeNode* const node, FindNode(report.node_id));
  ELDR_RETURN_IF_ERROR(CheckReporter(*node, report));
  HeartbeatResult result;
  for (const std::string* id : report.running_request_ids) {
    const Lease* const lease = book_.FindLease(*id);
    if (lease != nullptr && lease->node == node) RenewLease(*lease, lease->ttl, now);
  }
  EndFinished(*node, report, now);
  if (report.complete_list) Reconcile(*node, report, now, result);
  result.confirm = node->restored_at.has_value();
  // After the finished requests have ended: the counts are without them.
  NodeReported& reported = std::get<NodeReported>(report_.what);
  reported.node_id = node->spec.node_id;
  reported.running = report.running;
  reported.queued = report.queued;
  reported.kv_usage = report.kv_usage;
  reported.steps.assign(report.steps.begin(), report.steps.end());
  Commit(report_, now).value();
  result.state = node->state;
  result.draining = node->draining;
  result.leases = node->leases;
  return result;
}

absl::StatusOr<std::uint32_t> ModelRouter::DrainNode(absl::string_view node_id) {
  MutexLock lock(mutex_);
  ELDR_ASSIGN_OR_RETURN(const DecodeNode* const node, SetDraining(node_id, true));
  return node->leases;
}

absl::StatusOr<NodeState> ModelRouter::UndrainNode(absl::string_view node_id) {
  MutexLock lock(mutex_);
  ELDR_ASSIGN_OR_RETURN(const DecodeNode* const node, SetDraining(node_id, false));
  return node->state;
}

RemoveResult ModelRouter::RemoveNode(absl::string_view node_id) {
  RemoveResult result;
  while (!RemovePart(node_id, result)) LetOthersIn();
  return result;
}

bool ModelRouter::RemovePart(absl::string_view node_id, RemoveResult& result) {
  MutexLock lock(mutex_);
  const MonotonicTime now = Advance();
  const DecodeNode* const node = book_.FindNode(node_id);
  if (node == nullptr) return true;
  BeginLeaving(*node, now);
  result.ended_leases += EndLeasesOn(*node, LeaseEnd::kNodeRemoved, now, kMostEndsAtOnce);
  if (node->leases > 0) return false;
  EnterRemoval(*node, now);
  result.removed = true;
  return true;
}

void ModelRouter::LoseSilentNodes(MonotonicTime now) {
  const bool panic = book_.detector().panic();
  const std::vector<DecodeNode*> lost = book_.FindSilent(now);
  if (book_.detector().panic() != panic) observer_.OnPanicMode(spec_.name, !panic);
  for (const DecodeNode* const node : lost) BeginLeaving(*node, now);
  std::size_t room = kMostEndsAtOnce;
  for (const DecodeNode* const node : lost) {
    room -= EndLeasesOn(*node, LeaseEnd::kNodeLost, now, room);
    if (node->leases > 0) {
      backlog_ = true;
      book_.FindSilentBy(now);  // this one and those after it come again
      return;
    }
    Change change = {.what = NodeLost{node->spec.node_id}};
    Commit(change, now).value();
  }
}

std::vector<NodeStatus> ModelRouter::ListNodes(absl::string_view after, std::size_t most) const {
  MutexLock lock(mutex_);
  return StatusOfNodes(book_, clock_.Monotonic(), after, most);
}

absl::StatusOr<Residency> ModelRouter::GetResidency(absl::string_view node_id) const {
  MutexLock lock(mutex_);
  ELDR_ASSIGN_OR_RETURN(const DecodeNode* const node, FindNode(node_id));
  const ExpertGroup& group = *node->group;
  return Residency{spec_.name, group.name, spec_.geometry, group.residency.Activation(),
                   group.leases};
}

}  // namespace eldr
