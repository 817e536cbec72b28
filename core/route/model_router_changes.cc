// What ModelRouter enters in the book of its model, and tells of it.
#include <utility>

#include "core/base/status_macros.h"
#include "core/residency/contribution.h"
#include "core/route/model_router.h"

namespace eldr {
namespace {

// False for a request that is to go on elsewhere, on what is known of it.
bool IsOver(LeaseEnd end) { return end != LeaseEnd::kNodeLost && end != LeaseEnd::kNodeRemoved; }

}  // namespace

absl::StatusOr<Applied> ModelRouter::Commit(Change& change, MonotonicTime now) {
  change.number = book_.last_number() + 1;
  change.at = now;
  ELDR_ASSIGN_OR_RETURN(const Applied applied, book_.Apply(change));
  Tell(change, applied);
  return applied;
}

void ModelRouter::Tell(const Change& change, const Applied& applied) {
  observer_.OnChange(spec_.name, change);
  if (applied.node != nullptr) TellNode(change, applied);
  if (const auto* const started = std::get_if<LeaseStarted>(&change.what)) {
    if (applied.ended_lease != nullptr) {
      observer_.OnLeaseEnded(spec_.name, *applied.ended_lease, LeaseEnd::kMoved);
    }
    if (started->origin == LeaseOrigin::kAdopted) {
      observer_.OnLeaseAdopted(spec_.name, *applied.lease);
    } else {
      observer_.OnLeasePlaced(spec_.name, *applied.lease);
    }
  } else if (std::holds_alternative<LeaseUpdated>(change.what)) {
    observer_.OnLeaseUpdated(spec_.name, *applied.lease);
  } else if (const auto* const finished = std::get_if<LeaseFinished>(&change.what)) {
    // Else it would decide for the next request of this id.
    if (IsOver(finished->end)) intake_.Forget(finished->request_id);
    observer_.OnLeaseEnded(spec_.name, *applied.ended_lease, finished->end);
  }
}

void ModelRouter::TellNode(const Change& change, const Applied& applied) {
  const DecodeNode& node = *applied.node;
  if (std::holds_alternative<NodeRegistered>(change.what)) {
    if (applied.registration == Registration::kKnown) {
      observer_.OnNodeRespecified(node);
    } else {
      observer_.OnNodeRegistered(node);
    }
  } else if (std::holds_alternative<NodeDrained>(change.what)) {
    observer_.OnNodeDraining(node);
  }
  for (std::size_t cause = 0; cause < kDisbeliefs; ++cause) {
    if (!applied.disbeliefs.test(cause)) continue;
    observer_.OnReportNotBelieved(node, static_cast<Disbelief>(cause), node.not_believed[cause]);
  }
  if (node.state != applied.state_before) observer_.OnNodeState(node, applied.state_before);
}

void ModelRouter::UpdateLease(const Lease& lease, const ExpertSignature& signature, bool appended,
                              MonotonicTime now) {
  const bool learns = !lease.learned;
  LeaseUpdated& updated = std::get<LeaseUpdated>(update_.what);
  EstimateContribution(&signature, prior_, spec_.geometry, spec_.settings.estimate,
                       absl::MakeSpan(updated.codes));
  updated.lease = RecordOf(lease);
  updated.lease.quality = signature.quality();
  updated.lease.signature_coverage = signature.coverage();
  updated.lease.signature_tokens = signature.tokens();
  updated.lease.whole_prompt = signature.covers_prompt();
  updated.lease.appended = appended;
  updated.lease.learned = true;
  Commit(update_, now).value();
  if (learns) prior_.Learn(signature);
}

void ModelRouter::RenewLease(const Lease& lease, absl::Duration ttl, MonotonicTime now) {
  LeaseRenewed& renewed = std::get<LeaseRenewed>(renewal_.what);
  renewed.lease_id = lease.id;
  renewed.request_id = lease.request_id;
  renewed.ttl = ttl;
  Commit(renewal_, now).value();
}

void ModelRouter::EndLease(const Lease& lease, LeaseEnd end, MonotonicTime now) {
  LeaseFinished& finished = std::get<LeaseFinished>(finish_.what);
  finished.lease_id = lease.id;
  finished.request_id = lease.request_id;
  finished.end = end;
  Commit(finish_, now).value();
}

void ModelRouter::BeginLeaving(const DecodeNode& node, MonotonicTime now) {
  if (node.leaving) return;
  Change change = {.what = NodeLeaving{node.spec.node_id}};
  Commit(change, now).value();
}

void ModelRouter::EnterRemoval(const DecodeNode& node, MonotonicTime now) {
  observer_.OnNodeRemoved(node);
  Change change = {.what = NodeRemoved{node.spec.node_id}};
  Commit(change, now).value();
}

absl::StatusOr<const DecodeNode*> ModelRouter::SetDraining(absl::string_view node_id,
                                                           bool draining) {
  const MonotonicTime now = Advance();
  ELDR_ASSIGN_OR_RETURN(const DecodeNode* const node, FindNode(node_id));
  if (node->draining != draining) {
    Change change = {.what = NodeDrained{node->spec.node_id, draining}};
    Commit(change, now).value();
  }
  return node;
}

}  // namespace eldr
