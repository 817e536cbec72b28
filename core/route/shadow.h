// A second policy that decides every placement too, without effect.
#ifndef ELDR_CORE_ROUTE_SHADOW_H_
#define ELDR_CORE_ROUTE_SHADOW_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "absl/types/span.h"
#include "core/policy/policy.h"
#include "core/route/decision.h"
#include "core/route/eligibility.h"
#include "core/route/placement.h"

namespace eldr {

// Decides on the fleet as the model's own policy made it: each decision is the one that the shadow
// policy would take next, not where it would be had it decided all of them. It draws from a stream
// of its own, so a model places the same with and without a shadow. Not thread-safe.
class Shadow {
 public:
  // `w` weighs the costs that are compared, as in the residency policy.
  Shadow(std::unique_ptr<Policy> policy, std::size_t cells, std::uint64_t seed, double w)
      : policy_(std::move(policy)), w_(w), rng_(seed), decision_(cells) {}

  Policy& policy() { return *policy_; }

  // Keeps a copy of the candidates as they are before the model's policy puts them in its order.
  void TakeCandidates(absl::Span<const Candidate> candidates) {
    candidates_.assign(candidates.begin(), candidates.end());
  }
  // What the policy would have chosen among them in the place of `chosen`, which is evaluated.
  // `context` is that of the decision that was made.
  ShadowDecision Decide(const PolicyContext& context, const Demand& demand,
                        absl::Span<const std::uint8_t> codes, const Candidate& chosen);

 private:
  const std::unique_ptr<Policy> policy_;
  const double w_;
  std::mt19937_64 rng_;
  std::optional<std::uint64_t> last_ordinal_;  // that it would have chosen
  Decision decision_;
  std::vector<Candidate> candidates_;
};

}  // namespace eldr

#endif  // ELDR_CORE_ROUTE_SHADOW_H_
