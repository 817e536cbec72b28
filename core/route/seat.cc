#include "core/route/seat.h"

#include "core/policy/residency_policy.h"

namespace eldr {

void Seat::Decide(const ExpertSignature* signature, MonotonicTime now, const Demand& demand,
                  absl::Span<const std::uint8_t> codes, std::vector<Candidate>& candidates) {
  const PolicyContext context = {last_ordinal_, rng_, signature, now};
  policy_->Observe(context);
  decision_.Rank(*policy_, context, demand, codes, candidates);
  last_ordinal_ = candidates.front().node->ordinal;
}

ShadowDecision ShadowSeat::Decide(const ExpertSignature* signature, MonotonicTime now,
                                  const Demand& demand, absl::Span<const std::uint8_t> codes,
                                  const Candidate& chosen) {
  seat_.Decide(signature, now, demand, codes, candidates_);
  const Candidate& choice = candidates_.front();
  return {policy().name(), choice.node->spec.node_id, ResidencyCost(choice, w_),
          ResidencyCost(chosen, w_)};
}

}  // namespace eldr
