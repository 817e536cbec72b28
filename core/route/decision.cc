#include "core/route/decision.h"

#include <algorithm>
#include <tuple>

#include "core/fleet/expert_group.h"

namespace eldr {
namespace {

// A fixed bijection of 64 bits (the finaliser of splitmix64): with a random start it orders nodes
// at random, from a single draw per decision.
std::uint64_t Mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

void Decision::Rank(const Policy& policy, const PolicyContext& context, const Demand& demand,
                    absl::Span<const std::uint8_t> codes, std::vector<Candidate>& candidates) {
  multiplicity_ = 0;
  if (policy.evaluates()) Evaluate(demand, codes, absl::MakeSpan(candidates));
  policy.Score(context, absl::MakeSpan(candidates));

  absl::BitGenRef rng = context.rng;
  const bool random_ties = policy.tie_rule() == TieRule::kRandom;
  const std::uint64_t tie_seed = random_ties ? rng() : 0;
  const auto tie_key = [&](const Candidate& candidate) {
    return random_ties ? Mix(candidate.node->ordinal ^ tie_seed) : candidate.node->ordinal;
  };
  const std::size_t ranked = std::min(candidates.size(), kRanked);
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(ranked),
                    candidates.end(), [&](const Candidate& a, const Candidate& b) {
                      if (a.cost != b.cost) return a.cost < b.cost;
                      if (a.load != b.load) return a.load < b.load;
                      return tie_key(a) < tie_key(b);
                    });
  if (!policy.evaluates()) Evaluate(demand, codes, absl::MakeSpan(candidates).first(ranked));
}

void Decision::Evaluate(const Demand& demand, absl::Span<const std::uint8_t> codes,
                        absl::Span<Candidate> candidates) {
  for (Candidate& candidate : candidates) {
    const std::uint32_t multiplicity = demand.sequences * candidate.node->spec.tokens_per_step;
    if (multiplicity != multiplicity_) {
      const auto activation_of_code = ActivationOfCode(multiplicity);
      for (std::size_t i = 0; i < codes.size(); ++i) activation_[i] = activation_of_code[codes[i]];
      multiplicity_ = multiplicity;
    }
    const ExpertGroup& group = *candidate.node->group;
    const auto context_tokens = static_cast<double>(group.context_tokens);
    candidate.batch = group.batch;
    candidate.expected_experts = group.residency.expected_experts();
    candidate.marginal_experts = group.residency.MarginalExperts(activation_);
    candidate.step_time =
        group.step_time.Predict(candidate.expected_experts, candidate.batch, context_tokens);
    candidate.step_time_with = group.step_time.Predict(
        candidate.expected_experts + candidate.marginal_experts, candidate.batch + demand.sequences,
        context_tokens + static_cast<double>(demand.context_tokens));
  }
}

}  // namespace eldr
