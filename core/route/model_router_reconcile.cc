// Reconciliation: ModelRouter's books put right by what a node says of its requests.
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
    const Lease* const lease = leases_.Find(finished.request_id);
    if (lease == nullptr || lease->node != &node) continue;
    if (finished.lease_id != 0) {
      if (lease->id == finished.lease_id) EndLease(*lease, LeaseEnd::kReportedFinished);
      continue;
    }
    if (running.empty()) {
      for (const std::string* id : report.running_request_ids) running.insert(*id);
    }
    // The report may be of an earlier request of this id.
    const bool later = node.restored_at && lease->placed_at > *node.restored_at;
    if (later || running.contains(finished.request_id) ||
        recently_ended_.Contains(finished.request_id, node, now)) {
      continue;
    }
    EndLease(*lease, LeaseEnd::kReportedFinished);
  }
}

void ModelRouter::Reconcile(DecodeNode& node, const NodeReport& report, MonotonicTime now,
                            HeartbeatResult& result) {
  absl::flat_hash_set<const Lease*> named;
  for (const std::string* id : report.running_request_ids) {
    const Lease* lease = leases_.Find(*id);
    if (lease != nullptr && lease->node == &node) {
      named.insert(lease);
    } else if (lease != nullptr) {
      ++result.conflicts;
    } else if (recently_ended_.Contains(*id, node, now) ||
               leases_.size() >= options_.max_leases_per_model ||
               !node.group->residency.Fits(node.spec.tokens_per_step)) {
      ++result.not_adopted;
    } else {
      Adopt(node, *id, now);
      named.insert(leases_.Find(*id));
      ++result.adopted;
    }
  }
  std::vector<const Lease*> unconfirmed;
  for (const Lease* lease : node.lease_list) {
    // A younger one may have been placed after the report was made.
    const bool settled = now - lease->placed_at >= options_.confirm_grace;
    if (settled && !named.contains(lease)) unconfirmed.push_back(lease);
  }
  for (const Lease* lease : unconfirmed) EndLease(*lease, LeaseEnd::kUnconfirmed);
  result.unconfirmed = static_cast<std::uint32_t>(unconfirmed.size());
  observer_.OnReconciled(spec_.name, result.conflicts, result.not_adopted);
}

void ModelRouter::Adopt(DecodeNode& node, absl::string_view request_id, MonotonicTime now) {
  PlacementQuery query;
  query.request_id = request_id;
  const Knowledge knowledge = Know(query, nullptr, nullptr, now);
  EstimateContribution(knowledge.known.counts, prior_, spec_.geometry, spec_.settings.estimate,
                       absl::MakeSpan(codes_));
  std::unique_ptr<Lease> lease = NewLease(request_id, node, knowledge, options_.lease_ttl, now);
  fleet_.Attach(*lease);
  Lease& adopted = *leases_.Insert(std::move(lease));
  LearnOnce(adopted, knowledge.known.counts);
  observer_.OnLeaseAdopted(spec_.name, adopted);
}

}  // namespace eldr
