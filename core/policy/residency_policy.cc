#include "core/policy/residency_policy.h"

#include <algorithm>

namespace eldr {

double ResidencyCost(const Candidate& candidate, double w) {
  // Learned offsets may say that the larger batch is the faster one; that is no reason to crowd.
  const double slowdown = std::max(candidate.step_time_with - candidate.step_time, 0.0);
  return candidate.step_time_with + w * candidate.batch * slowdown;
}

void ResidencyPolicy::Score(const PolicyContext&, absl::Span<Candidate> candidates) const {
  for (Candidate& candidate : candidates) candidate.cost = ResidencyCost(candidate, w_);
}

}  // namespace eldr
