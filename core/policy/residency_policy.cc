#include "core/policy/residency_policy.h"

namespace eldr {

void ResidencyPolicy::Score(const PolicyContext&, absl::Span<Candidate> candidates) const {
  for (Candidate& candidate : candidates) {
    const double slowdown = candidate.step_time_with - candidate.step_time;
    candidate.cost = candidate.step_time_with + w_ * candidate.batch * slowdown;
  }
}

}  // namespace eldr
