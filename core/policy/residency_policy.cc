#include "core/policy/residency_policy.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace eldr {
namespace {

struct Named {
  absl::string_view name;
  double most_w;
  std::optional<std::uint32_t> spare_requests;
};

constexpr Named kObjectives[] = {
    {"median", std::numeric_limits<double>::infinity(), std::nullopt},
    {"balanced", std::numeric_limits<double>::infinity(), 2},
    {"tail", 0.6, 1},
};

}  // namespace

std::vector<absl::string_view> ObjectiveNames() {
  std::vector<absl::string_view> names;
  for (const Named& objective : kObjectives) names.push_back(objective.name);
  return names;
}

ResidencyObjective ObjectiveOf(absl::string_view name, double w) {
  const auto* const it = std::find_if(std::begin(kObjectives), std::end(kObjectives),
                                      [&](const Named& named) { return named.name == name; });
  return {std::min(w, it->most_w), it->spare_requests};
}

double ResidencyCost(const Candidate& candidate, double w) {
  // Learned offsets may say that the larger batch is the faster one; that is no reason to crowd.
  const double slowdown = std::max(candidate.step_time_with - candidate.step_time, 0.0);
  return candidate.step_time_with + w * candidate.batch * slowdown;
}

void ResidencyPolicy::Score(const PolicyContext&, absl::Span<Candidate> candidates) const {
  for (Candidate& candidate : candidates) {
    candidate.cost = ResidencyCost(candidate, objective_.w);
    candidate.avoided =
        objective_.spare_requests && candidate.step_time_with > candidate.mixed_step_time;
  }
}

}  // namespace eldr
