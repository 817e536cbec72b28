// Reconciliation: ModelRouter's book put right by what a node says of its requests.
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "core/route/model_router.h"

namespace eldr {

void ModelRouter::EndFinished(const DecodeNode& node, const NodeReport& report, MonotonicTime now) {
  std::vector<FinishedRequest> all = report.finished;
  for (const std::string* id : report.finished_request_ids) all.push_back({*id, 0});
  absl::flat_hash_set<absl::string_view> running;  // filled when it is asked for
  for (const FinishedRequest& finished : all) {
    const Lease* const lease = book_.FindLease(finished.request_id);
    if (lease == nullptr || lease->node != &node) continue;
    if (finished.lease_id != 0) {
      if (lease->id == finished.lease_id) EndLease(*lease, LeaseEnd::kReportedFinished, now);
      continue;
    }
    if (running.empty()) {
      for (const std::string* id : report.running_request_ids) running.insert(*id);
    }
    // The report may be of an earlier request of this id.
    const bool later = node.restored_at && lease->placed_at > *node.restored_at;
    if (later || running.contains(finished.request_id) ||
        book_.EndedRecently(finished.request_id, node, now)) {
      continue;
    }
    EndLease(*lease, LeaseEnd::kReportedFinished, now);
  }
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
  for (const Lease* lease : unconfirmed) EndLease(*lease, LeaseEnd::kUnconfirmed, now);
  result.unconfirmed = static_cast<std::uint32_t>(unconfirmed.size());
  observer_.OnReconciled(spec_.name, result.conflicts, result.not_adopted);
}

void ModelRouter::Adopt(DecodeNode& node, absl::string_view request_id, MonotonicTime now) {
  const Intake::Knowledge knowledge = intake_.Know(request_id, nullptr, "", nullptr, now);
  const ExpertSignature* const signature = knowledge.known.counts;
  EstimateContribution(signature, prior_, spec_.geometry, spec_.settings.estimate,
                       absl::MakeSpan(std::get<LeaseStarted>(start_.what).codes));
  StartLease(request_id, node, knowledge, options_.lease_ttl, LeaseOrigin::kAdopted);
  Commit(start_, now).value();
  if (signature != nullptr) prior_.Learn(*signature);
}

}  // namespace eldr
