// The default: place a request where it makes decode steps slowest by least.
#ifndef ELDR_CORE_POLICY_RESIDENCY_POLICY_H_
#define ELDR_CORE_POLICY_RESIDENCY_POLICY_H_

#include "core/policy/policy.h"

namespace eldr {

// cost = t1 + w * B * (t1 - t0): the new request's own step time, plus the slowdown of the B that
// are there already (design: section 3). Requests that share experts with a node add few to its
// steps, so they gather; a loaded node costs more, so they spread.
double ResidencyCost(const Candidate& candidate, double w);

class ResidencyPolicy final : public Policy {
 public:
  explicit ResidencyPolicy(double w) : w_(w) {}
  absl::string_view name() const override { return "residency"; }
  bool evaluates() const override { return true; }
  void Score(const PolicyContext& context, absl::Span<Candidate> candidates) const override;

 private:
  const double w_;
};

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_RESIDENCY_POLICY_H_
