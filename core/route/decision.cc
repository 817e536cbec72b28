#include "core/route/decision.h"

#include <algorithm>
#include <cmath>

#include "core/base/stable_hash.h"
#include "core/fleet/expert_group.h"

namespace eldr {
namespace {

// What a decision reads of a node and of its group: a few lines each, which come from afar in a
// large fleet.
void FetchNode(const DecodeNode& node) {
  __builtin_prefetch(&node.spec.tokens_per_step);
  __builtin_prefetch(&node.group);
}

void FetchGroup(const ExpertGroup& group) {
  const auto* const residency = reinterpret_cast<const char*>(&group.residency);
  for (std::size_t at = 0; at < sizeof(ResidencyMap) + kCacheLineBytes; at += kCacheLineBytes) {
    __builtin_prefetch(residency + at);
  }
  __builtin_prefetch(&group.step_time.Save().offsets);
  __builtin_prefetch(&group.step_time.coefficients());
  __builtin_prefetch(&group.batch);
}

}  // namespace

void Decision::Rank(const Policy& policy, const PolicyContext& context, const Demand& demand,
                    absl::Span<const std::uint8_t> codes, std::vector<Candidate>& candidates) {
  multiplicity_ = 0;
  const absl::Span<Candidate> all = absl::MakeSpan(candidates);
  const bool shortlists = policy.evaluates() && all.size() > kAllExact;
  if (policy.evaluates()) {
    Evaluate(demand, codes, shortlists ? Precision::kLeast : Precision::kExact, all);
  }
  policy.Score(context, all);

  absl::BitGenRef rng = context.rng;
  const bool random_ties = policy.tie_rule() == TieRule::kRandom;
  const std::uint64_t tie_seed = random_ties ? rng() : 0;
  // With a random start the mixer orders nodes at random, from a single draw per decision.
  const auto tie_key = [&](const Candidate& candidate) {
    return random_ties ? Mix64(candidate.node->ordinal ^ tie_seed) : candidate.node->ordinal;
  };
  const auto better = [&](const Candidate& a, const Candidate& b) {
    if (a.cost != b.cost) return a.cost < b.cost;
    if (a.load != b.load) return a.load < b.load;
    return tie_key(a) < tie_key(b);
  };
  const absl::Span<Candidate> ranked = all.first(std::min(all.size(), kRanked));
  std::partial_sort(all.begin(), ranked.end(), all.end(), better);
  if (shortlists) {
    Evaluate(demand, codes, Precision::kExact, ranked);
    policy.Score(context, ranked);
    const double least = std::min_element(ranked.begin(), ranked.end(), better)->cost;
    Candidate* const end = std::partition(ranked.end(), all.end(), [&](const Candidate& candidate) {
      return candidate.cost < least - kTolerance * std::abs(least);
    });
    const absl::Span<Candidate> others = absl::MakeSpan(ranked.end(), end);
    if (!others.empty()) {
      Evaluate(demand, codes, Precision::kExact, others);
      policy.Score(context, others);
    }
    std::partial_sort(all.begin(), ranked.end(), end, better);
  } else if (!policy.evaluates()) {
    Evaluate(demand, codes, Precision::kExact, ranked);
  }
}

void Decision::Evaluate(const Demand& demand, absl::Span<const std::uint8_t> codes,
                        Precision precision, absl::Span<Candidate> candidates) {
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    Candidate& candidate = candidates[i];
    const std::uint32_t multiplicity = demand.sequences * candidate.node->spec.tokens_per_step;
    if (multiplicity != multiplicity_) {
      activation_.Assign(codes, multiplicity);
      multiplicity_ = multiplicity;
    }
    const ExpertGroup& group = *candidate.node->group;
    const auto context_tokens = static_cast<double>(group.context_tokens);
    candidate.batch = group.batch;
    candidate.expected_experts = group.residency.expected_experts();
    const auto after = [&](std::size_t steps) -> const DecodeNode& {
      return *candidates[std::min(i + steps, candidates.size() - 1)].node;
    };
    FetchNode(after(8));
    FetchGroup(*after(4).group);
    candidate.marginal_experts =
        precision == Precision::kExact
            ? group.residency.MarginalExperts(activation_, after(1).group->residency)
            : group.residency.LeastMarginalExperts(activation_, after(2).group->residency);
    candidate.step_time =
        group.step_time.Predict(candidate.expected_experts, candidate.batch, context_tokens);
    candidate.step_time_with = group.step_time.Predict(
        candidate.expected_experts + candidate.marginal_experts, candidate.batch + demand.sequences,
        context_tokens + static_cast<double>(demand.context_tokens));
  }
}

}  // namespace eldr
