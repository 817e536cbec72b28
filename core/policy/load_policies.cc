#include "core/policy/load_policies.h"

#include "absl/numeric/int128.h"

namespace eldr {
namespace {

// In [0, size). The distributions of the standard library and of abseil may differ between
// versions; equal seeds are to give equal placements everywhere.
std::size_t DrawBelow(std::size_t size, absl::BitGenRef& rng) {
  return absl::Uint128High64(absl::uint128(rng()) * size);
}

}  // namespace

void LeastLoadedPolicy::Score(const PolicyContext&, absl::Span<Candidate> candidates) const {
  for (Candidate& candidate : candidates) candidate.cost = candidate.load;
}

void PowerOfTwoPolicy::Score(const PolicyContext& context, absl::Span<Candidate> candidates) const {
  // More than any load, so that the rest comes after the two.
  constexpr double kNotDrawn = 1e12;
  for (Candidate& candidate : candidates) candidate.cost = kNotDrawn + candidate.load;
  absl::BitGenRef rng = context.rng;
  const std::size_t first = DrawBelow(candidates.size(), rng);
  std::size_t second = first;
  if (candidates.size() > 1) {
    second = DrawBelow(candidates.size() - 1, rng);
    if (second >= first) ++second;
  }
  candidates[first].cost = candidates[first].load;
  candidates[second].cost = candidates[second].load;
}

void RoundRobinPolicy::Score(const PolicyContext& context, absl::Span<Candidate> candidates) const {
  std::size_t next = 0;
  if (context.last_ordinal) {
    while (next < candidates.size() && candidates[next].node->ordinal <= *context.last_ordinal)
      ++next;
  }
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    candidates[i].cost =
        static_cast<double>((i + candidates.size() - next % candidates.size()) % candidates.size());
  }
}

void RandomPolicy::Score(const PolicyContext& context, absl::Span<Candidate> candidates) const {
  absl::BitGenRef rng = context.rng;
  for (Candidate& candidate : candidates) candidate.cost = static_cast<double>(rng() >> 11);
}

}  // namespace eldr
