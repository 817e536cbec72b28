// The default: place a request where it makes decode steps slowest by least.
#ifndef ELDR_CORE_POLICY_RESIDENCY_POLICY_H_
#define ELDR_CORE_POLICY_RESIDENCY_POLICY_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "core/policy/policy.h"

namespace eldr {

// What a placement keeps small, and what it never does
// (docs/adr/2026-12-01-no-node-slower-than-balanced.md).
struct ResidencyObjective {
  // Weight of the slowdown of the requests already on a node. The more, the more unequal nodes are.
  double w = 1.25;
  // The guard: no node gets a longer step than a balancer would give it that spreads requests
  // evenly and as they come, with so many more of them; unless all candidates would. None: no
  // guard.
  std::optional<std::uint32_t> spare_requests = {};
};

// median, balanced and tail: less and less time for the slowest, and more for the most.
std::vector<absl::string_view> ObjectiveNames();

// The objective of that name. tail takes `w` only as far as it suits. REQUIRES: `name` is one of
// ObjectiveNames().
ResidencyObjective ObjectiveOf(absl::string_view name, double w);

// cost = t1 + w * B * (t1 - t0): the new request's own step time, plus the slowdown of the B that
// are there already (design: section 3). Requests that share experts with a node add few to its
// steps, so they gather; a loaded node costs more, so they spread.
double ResidencyCost(const Candidate& candidate, double w);

class ResidencyPolicy final : public Policy {
 public:
  explicit ResidencyPolicy(const ResidencyObjective& objective) : objective_(objective) {}
  absl::string_view name() const override { return "residency"; }
  bool evaluates() const override { return true; }
  std::optional<std::uint32_t> spare_requests() const override { return objective_.spare_requests; }
  void Score(const PolicyContext& context, absl::Span<Candidate> candidates) const override;

 private:
  const ResidencyObjective objective_;
};

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_RESIDENCY_POLICY_H_
