#include "core/route/shadow.h"

#include "core/policy/residency_policy.h"

namespace eldr {

ShadowDecision Shadow::Decide(const PolicyContext& context, const Demand& demand,
                              absl::Span<const std::uint8_t> codes, const Candidate& chosen) {
  const PolicyContext own = {last_ordinal_, rng_, context.signature, context.now};
  policy_->Observe(own);
  decision_.Rank(*policy_, own, demand, codes, candidates_);
  const Candidate& choice = candidates_.front();
  last_ordinal_ = choice.node->ordinal;
  return {policy_->name(), choice.node->spec.node_id, ResidencyCost(choice, w_),
          ResidencyCost(chosen, w_)};
}

}  // namespace eldr
