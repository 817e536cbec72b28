#include "core/route/decision.h"

#include <algorithm>
#include <cmath>

#include "core/base/stable_hash.h"
#include "core/fleet/expert_group.h"

namespace eldr {
namespace {

// Of a step: as many activate all that are ever activated.
constexpr std::uint64_t kMostTokens = 1u << 24;

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
  ++number_;
  work_ = {};
  const absl::Span<Candidate> all = absl::MakeSpan(candidates);
  const bool shortlists = policy.evaluates() && all.size() > kAllExact;
  if (policy.evaluates()) {
    Evaluate(demand, codes, shortlists ? Precision::kLeast : Precision::kExact, all);
    // Of all of them, once: what is evaluated again, for some alone, has the same share. And after
    // the evaluation, which fetches what it reads.
    if (const auto spare = policy.spare_requests()) SetMixedStepTimes(demand, *spare, all);
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
    if (a.avoided != b.avoided) return b.avoided;
    if (a.cost != b.cost) return a.cost < b.cost;
    if (a.load != b.load) return a.load < b.load;
    return tie_key(a) < tie_key(b);
  };
  const absl::Span<Candidate> ranked = all.first(std::min(all.size(), kRanked));
  std::partial_sort(all.begin(), ranked.end(), all.end(), better);
  if (shortlists) {
    Evaluate(demand, codes, Precision::kExact, ranked);
    policy.Score(context, ranked);
    const Candidate best = *std::min_element(ranked.begin(), ranked.end(), better);
    Candidate* const end = std::partition(ranked.end(), all.end(), [&](const Candidate& candidate) {
      if (candidate.avoided != best.avoided) return best.avoided;
      return candidate.cost < best.cost - kTolerance * std::abs(best.cost);
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

const ActivationRow& Decision::RowFor(std::uint32_t multiplicity,
                                      absl::Span<const std::uint8_t> codes) {
  const auto serves = [&](const Row& row) { return row.multiplicity == multiplicity; };
  if (rows_.empty() || !serves(rows_[last_row_])) {
    const auto it = std::find_if(rows_.begin(), rows_.end(), serves);
    last_row_ = static_cast<std::size_t>(it - rows_.begin());
    if (it == rows_.end() && rows_.size() < kRows) {
      rows_.push_back({multiplicity, 0, ActivationRow(cells_)});
    } else if (it == rows_.end()) {
      // The one whose turn it is; there are hardly ever so many.
      last_row_ = work_.rows % kRows;
      rows_[last_row_].multiplicity = multiplicity;
      rows_[last_row_].decision = 0;
    }
  }
  Row& row = rows_[last_row_];
  if (row.decision != number_) {
    row.activation.Assign(codes, multiplicity);
    row.decision = number_;
    ++work_.rows;
  }
  return row.activation;
}

void Decision::SetMixedStepTimes(const Demand& demand, std::uint32_t spare_requests,
                                 absl::Span<Candidate> candidates) {
  std::uint64_t sequences = demand.sequences;
  std::uint64_t context_tokens = demand.context_tokens;
  for (const Candidate& candidate : candidates) {
    const ExpertGroup& group = *candidate.node->group;
    sequences += candidate.load;
    context_tokens += group.nodes > 1 ? group.context_tokens / group.nodes : group.context_tokens;
  }
  const std::uint64_t nodes = candidates.size();
  // Rounded up: somebody has the odd one.
  const std::uint64_t share =
      (sequences + nodes - 1) / nodes + std::uint64_t{spare_requests} * demand.sequences;
  const double context_share = static_cast<double>(context_tokens) / static_cast<double>(nodes) +
                               static_cast<double>(spare_requests * demand.context_tokens);
  std::uint64_t known_tokens = 0;
  double experts = 0;
  for (Candidate& candidate : candidates) {
    const ExpertGroup& group = *candidate.node->group;
    const std::uint64_t batch = share * group.nodes;
    const std::uint64_t tokens =
        std::min(batch * candidate.node->spec.tokens_per_step, kMostTokens);
    if (tokens != known_tokens) {
      known_tokens = tokens;
      experts = mixed_.ExpectedExperts(static_cast<std::uint32_t>(tokens));
    }
    candidate.mixed_step_time =
        group.step_time.Predict(experts, static_cast<double>(batch), context_share * group.nodes);
  }
}

void Decision::Evaluate(const Demand& demand, absl::Span<const std::uint8_t> codes,
                        Precision precision, absl::Span<Candidate> candidates) {
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    Candidate& candidate = candidates[i];
    const std::uint32_t multiplicity = demand.sequences * candidate.node->spec.tokens_per_step;
    ExpertGroup& group = *candidate.node->group;
    const auto after = [&](std::size_t steps) -> const DecodeNode& {
      return *candidates[std::min(i + steps, candidates.size() - 1)].node;
    };
    FetchNode(after(8));
    FetchGroup(*after(4).group);
    GroupEvaluation& known = group.evaluation;
    const bool exact = precision == Precision::kExact;
    if (group.nodes > 1 && known.decider == this && known.decision == number_ &&
        known.exact == exact && known.multiplicity == multiplicity) {
      candidate.marginal_experts = known.marginal_experts;
    } else {
      const ActivationRow& activation = RowFor(multiplicity, codes);
      candidate.marginal_experts =
          exact ? group.residency.MarginalExperts(activation, after(1).group->residency)
                : group.residency.LeastMarginalExperts(activation, after(2).group->residency);
      ++work_.groups;
      if (group.nodes > 1) {
        known = {this, number_, multiplicity, exact, candidate.marginal_experts};
      }
    }
    const auto context_tokens = static_cast<double>(group.context_tokens);
    candidate.batch = group.batch;
    candidate.expected_experts = group.residency.expected_experts();
    candidate.step_time =
        group.step_time.Predict(candidate.expected_experts, candidate.batch, context_tokens);
    candidate.step_time_with = group.step_time.Predict(
        candidate.expected_experts + candidate.marginal_experts, candidate.batch + demand.sequences,
        context_tokens + static_cast<double>(demand.context_tokens));
  }
}

}  // namespace eldr
