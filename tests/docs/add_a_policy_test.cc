// The policy of docs/add_a_policy.md, built from that page, does what the page says.
#include <random>
#include <vector>

#include "absl/types/span.h"
#include "core/policy/fewest_experts_policy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace eldr {
namespace {

TEST(AddAPolicyTest, TheNodeWithTheFewestExpertsCostsLeast) {
  std::vector<Candidate> candidates(3);
  candidates[0].expected_experts = 20;
  candidates[0].marginal_experts = 1;
  candidates[1].expected_experts = 10;
  candidates[1].marginal_experts = 12;
  candidates[2].expected_experts = 18;
  candidates[2].marginal_experts = 2;
  std::mt19937 rng;
  const FewestExpertsPolicy policy;
  policy.Score({.last_ordinal = {}, .rng = rng, .signature = nullptr, .now = {}},
               absl::MakeSpan(candidates));
  EXPECT_LT(candidates[2].cost, candidates[0].cost);
  EXPECT_LT(candidates[0].cost, candidates[1].cost);
  EXPECT_TRUE(policy.evaluates()) << "or the numbers are not filled in";
  EXPECT_EQ(policy.name(), "fewest_experts");
}

}  // namespace
}  // namespace eldr
