// The load balancers: policies that know nothing of experts.
#ifndef ELDR_CORE_POLICY_LOAD_POLICIES_H_
#define ELDR_CORE_POLICY_LOAD_POLICIES_H_

#include "core/policy/policy.h"

namespace eldr {

// The node of the least load.
class LeastLoadedPolicy final : public Policy {
 public:
  absl::string_view name() const override { return "least_loaded"; }
  void Score(const PolicyContext& context, absl::Span<Candidate> candidates) const override;
};

// The less loaded of two nodes drawn at random; the others follow by load.
class PowerOfTwoPolicy final : public Policy {
 public:
  absl::string_view name() const override { return "power_of_two"; }
  void Score(const PolicyContext& context, absl::Span<Candidate> candidates) const override;
};

// The node that registered next after the one chosen last, in a circle.
class RoundRobinPolicy final : public Policy {
 public:
  absl::string_view name() const override { return "round_robin"; }
  void Score(const PolicyContext& context, absl::Span<Candidate> candidates) const override;
};

// Any node, all alike.
class RandomPolicy final : public Policy {
 public:
  absl::string_view name() const override { return "random"; }
  void Score(const PolicyContext& context, absl::Span<Candidate> candidates) const override;
};

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_LOAD_POLICIES_H_
