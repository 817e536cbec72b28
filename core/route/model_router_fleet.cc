// Nodes: how they come and go, what they report, drain.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/residency/contribution.h"
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

absl::StatusOr<RegisterResult> ModelRouter::RegisterNode(const NodeSpec& spec) {
  ELDR_RETURN_IF_ERROR(ValidateNodeSpec(spec, options_.node_timeout));
  MutexLock lock(mutex_);
  const MonotonicTime now = Advance();
  ELDR_ASSIGN_OR_RETURN(const Registration registration, book_.CheckRegistration(spec, now));
  RegisterResult result;
  result.created = registration != Registration::kKnown;
  if (registration == Registration::kSuccessor) {
    result.ended_leases = keeper_.EndOn(*book_.FindNode(spec.node_id), LeaseEnd::kNodeRemoved, now);
  } else if (registration == Registration::kNew && book_.is_full_of_nodes()) {
    if (DecodeNode* const dispensable = book_.FindDispensable(now))
      keeper_.Forget(*dispensable, now);
  }
  Change change = {.what = NodeRegistered{spec, clock_.Wall()}};
  ELDR_ASSIGN_OR_RETURN(const Applied applied, keeper_.Commit(change, now));
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

absl::Status ModelRouter::CheckGuard(absl::string_view node_id, NodeGuard guard) const {
  MutexLock lock(mutex_);
  const DecodeNode* const node = book_.FindNode(node_id);
  if (node == nullptr || guard(node->spec)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("node_id: \"", node_id, "\" is registered by another"));
}

absl::Status ModelRouter::GiveWay(absl::string_view node_id) {
  MutexLock lock(mutex_);
  const MonotonicTime now = Advance();
  DecodeNode* const node = book_.FindNode(node_id);
  if (node == nullptr) return absl::OkStatus();
  ELDR_RETURN_IF_ERROR(CheckGivesWay(*node, options_.node_timeout, now));
  keeper_.Forget(*node, now);
  return absl::OkStatus();
}

std::vector<std::string> ModelRouter::TakeForgotten() {
  MutexLock lock(mutex_);
  return keeper_.TakeForgotten();
}

bool ModelRouter::HasNode(absl::string_view node_id) const {
  MutexLock lock(mutex_);
  return book_.FindNode(node_id) != nullptr;
}

absl::StatusOr<HeartbeatResult> ModelRouter::Heartbeat(const NodeReport& report) {
  ELDR_RETURN_IF_ERROR(ValidateNodeReport(report, spec_.geometry.cells()));
  MutexLock lock(mutex_);
  const MonotonicTime now = Advance();
  ELDR_ASSIGN_OR_RETURN(DecodeNode* const node, FindNode(report.node_id));
  ELDR_RETURN_IF_ERROR(CheckReporter(*node, report));
  HeartbeatResult result;
  keeper_.EndFinished(*node, report, now);
  if (report.complete_list) Reconcile(*node, report, now, result);
  result.confirm = node->restored_at.has_value();
  // After the finished requests have ended: the counts are without them.
  NodeReported& reported = std::get<NodeReported>(report_.what);
  reported.node_id = node->spec.node_id;
  reported.running_requests.resize(report.running_request_ids.size());
  for (std::size_t i = 0; i < report.running_request_ids.size(); ++i) {
    reported.running_requests[i] = *report.running_request_ids[i];
  }
  reported.running = report.running;
  reported.queued = report.queued;
  reported.kv_usage = report.kv_usage;
  reported.steps.assign(report.steps.begin(), report.steps.end());
  keeper_.Commit(report_, now).value();
  result.state = node->state;
  result.draining = node->draining;
  result.leases = node->leases;
  return result;
}

void ModelRouter::Reconcile(DecodeNode& node, const NodeReport& report, MonotonicTime now,
                            HeartbeatResult& result) {
  absl::flat_hash_set<const Lease*> named;
  for (const std::string* id : report.running_request_ids) {
    const Lease* const lease = book_.FindLease(*id);
    if (lease != nullptr && lease->node == &node) {
      named.insert(lease);
    } else if (lease != nullptr) {
      ++result.conflicts;
    } else if (!book_.MayAdopt(*id, node, now)) {
      ++result.not_adopted;
    } else {
      Adopt(node, *id, now);
      named.insert(book_.FindLease(*id));
      ++result.adopted;
    }
  }
  std::vector<const Lease*> unconfirmed;
  for (const Lease* lease : node.lease_list) {
    // A younger one may have been placed after the report was made.
    const bool settled = now - lease->placed_at >= options_.confirm_grace;
    if (settled && !named.contains(lease)) unconfirmed.push_back(lease);
  }
  for (const Lease* lease : unconfirmed) keeper_.End(*lease, LeaseEnd::kUnconfirmed, now);
  result.unconfirmed = static_cast<std::uint32_t>(unconfirmed.size());
  observer_.OnReconciled(spec_.name, result.conflicts, result.not_adopted);
}

void ModelRouter::Adopt(DecodeNode& node, absl::string_view request_id, MonotonicTime now) {
  const Intake::Knowledge knowledge = intake_.Know(request_id, nullptr, "", nullptr, now);
  const ExpertSignature* const signature = knowledge.known.counts;
  EstimateContribution(signature, prior_, spec_.geometry, spec_.settings.estimate,
                       absl::MakeSpan(std::get<LeaseStarted>(start_.what).codes));
  StartLease(request_id, node, knowledge, options_.lease_ttl, LeaseOrigin::kAdopted);
  keeper_.Commit(start_, now).value();
  if (signature != nullptr) prior_.Learn(*signature);
}

absl::StatusOr<std::uint32_t> ModelRouter::DrainNode(absl::string_view node_id) {
  MutexLock lock(mutex_);
  const MonotonicTime now = Advance();
  ELDR_ASSIGN_OR_RETURN(const DecodeNode* const node, FindNode(node_id));
  keeper_.SetDraining(*node, true, now);
  return node->leases;
}

absl::StatusOr<NodeState> ModelRouter::UndrainNode(absl::string_view node_id) {
  MutexLock lock(mutex_);
  const MonotonicTime now = Advance();
  ELDR_ASSIGN_OR_RETURN(const DecodeNode* const node, FindNode(node_id));
  keeper_.SetDraining(*node, false, now);
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
  keeper_.BeginLeaving(*node, now);
  result.ended_leases +=
      keeper_.EndOn(*node, LeaseEnd::kNodeRemoved, now, BookKeeper::kMostEndsAtOnce);
  if (node->leases > 0) return false;
  keeper_.Remove(*node, now);
  result.removed = true;
  return true;
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
