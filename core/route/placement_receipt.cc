#include "core/route/placement_receipt.h"

#include <algorithm>

#include "core/fleet/expert_group.h"

namespace eldr {

void FillReceipt(const PlacementQuery& query, const Placement& placement, const Lease& lease,
                 const Intake::Knowledge& knowledge, const Eligibility& eligibility,
                 absl::Time time, Receipt& receipt) {
  receipt.place_time = time;
  receipt.request_id = lease.request_id;
  receipt.prefill_worker.assign(knowledge.prefill_worker.data(), knowledge.prefill_worker.size());
  receipt.trace_id.assign(query.trace_id.data(), query.trace_id.size());
  receipt.node_id = lease.node->spec.node_id;
  receipt.lease_id = placement.lease_id;
  receipt.policy = placement.policy;
  receipt.reason = placement.reason;
  receipt.signature_quality = placement.signature_quality;
  receipt.signature_coverage = placement.signature_coverage;
  receipt.load_basis = placement.load_basis;
  receipt.signature_age = knowledge.age;
  const std::vector<Candidate>& candidates = eligibility.candidates;
  receipt.candidates.resize(std::min(candidates.size(), Receipt::kMaxCandidates));
  for (std::size_t i = 0; i < receipt.candidates.size(); ++i) {
    const Candidate& candidate = candidates[i];
    const StepTimeModel& step_time = candidate.node->group->step_time;
    // Member by member, into the string that is there.
    ReceiptCandidate& shown = receipt.candidates[i];
    shown.node_id = candidate.node->spec.node_id;
    shown.load = candidate.load;
    shown.expected_experts = candidate.expected_experts;
    shown.marginal_experts = candidate.marginal_experts;
    shown.predicted_step_time = absl::Seconds(candidate.step_time_with);
    shown.cost = candidate.cost;
    shown.avoided = candidate.avoided;
    shown.step_time = step_time.CoefficientsAt(candidate.batch + lease.sequences);
  }
  receipt.candidate_count = static_cast<std::uint32_t>(candidates.size());
  receipt.ineligible = eligibility.ineligible;
  receipt.shadow = placement.shadow;
}

}  // namespace eldr
