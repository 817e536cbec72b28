#include "core/route/decision.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/fleet/fleet.h"
#include "core/policy/load_policies.h"
#include "core/policy/residency_policy.h"
#include "core/residency/contribution.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/test_seed.h"

namespace eldr {
namespace {

// Of the fixed point that activations and survivals are multiplied in, over 16 cells, all of which
// are rounded the same way here.
constexpr double kRounding = 16 * 2e-3;

// Finds all nodes alike, and gives ties to the one registered first.
class FirstRegisteredPolicy final : public Policy {
 public:
  absl::string_view name() const override { return "first_registered"; }
  TieRule tie_rule() const override { return TieRule::kLowestOrdinal; }
  void Score(const PolicyContext&, absl::Span<Candidate> candidates) const override {
    for (Candidate& candidate : candidates) candidate.cost = 0;
  }
};

class DecisionTest : public ::testing::Test {
 protected:
  void AddNodes(std::size_t count, std::uint32_t tokens_per_step = 1) {
    for (std::size_t i = 0; i < count; ++i) {
      NodeSpec spec;
      spec.node_id = absl::StrCat("n", fleet_.nodes().size());
      spec.tokens_per_step = tokens_per_step;
      fleet_.Add(spec);
    }
  }
  std::vector<Candidate> AllNodes() {
    std::vector<Candidate> candidates;
    for (const auto& node : fleet_.nodes())
      candidates.push_back({.node = node.get(), .load = node->sequences});
    return candidates;
  }
  std::vector<Candidate> Rank(const Policy& policy, std::vector<Candidate> candidates,
                              const Demand& demand = {}) {
    decision_.Rank(policy, {std::nullopt, rng_, nullptr, absl::ZeroDuration()}, demand, codes_,
                   candidates);
    return candidates;
  }
  void PutOn(std::size_t node, std::uint8_t code, std::uint32_t multiplicity) {
    fleet_.nodes()[node]->group->residency.Add(std::vector<std::uint8_t>(geometry_.cells(), code),
                                               multiplicity);
  }

  const ModelGeometry geometry_ = {2, 8, 2, {}};
  Fleet fleet_{
      geometry_,
      {absl::Seconds(1), absl::Seconds(16), absl::Milliseconds(10), absl::Microseconds(1)}};
  ActivationPrior prior_{geometry_};
  Decision decision_{geometry_.cells(), prior_};
  std::vector<std::uint8_t> codes_ = std::vector<std::uint8_t>(geometry_.cells(), 200);
  std::mt19937_64 rng_ = SeededRng();
};

TEST_F(DecisionTest, PutsTheBestSixteenInOrder) {
  AddNodes(60);
  for (const auto& node : fleet_.nodes())
    node->sequences = static_cast<std::uint32_t>(rng_() % 100);
  std::vector<std::uint32_t> loads;
  for (const auto& node : fleet_.nodes()) loads.push_back(node->sequences);
  std::sort(loads.begin(), loads.end());
  const auto ranked = Rank(LeastLoadedPolicy(), AllNodes());
  ASSERT_EQ(ranked.size(), 60u);
  for (std::size_t i = 0; i < Decision::kRanked; ++i) EXPECT_EQ(ranked[i].load, loads[i]);
}

TEST_F(DecisionTest, EvaluatesByTheFormulas) {
  AddNodes(2);
  PutOn(1, 150, 3);
  fleet_.nodes()[1]->group->batch = 5;
  fleet_.nodes()[1]->group->context_tokens = 4000;
  const auto ranked = Rank(ResidencyPolicy({.w = 1}), AllNodes(), {2, 1000, 1500});
  const Candidate& empty = ranked[0].node->spec.node_id == "n0" ? ranked[0] : ranked[1];
  const Candidate& busy = ranked[0].node->spec.node_id == "n0" ? ranked[1] : ranked[0];

  // Two sequences: p = 1 - exp(-2 x) in each of the 16 cells.
  const double p = ActivationOfCode(2)[200];
  EXPECT_EQ(empty.expected_experts, 0);
  EXPECT_NEAR(empty.marginal_experts, 16 * p, kRounding);
  EXPECT_DOUBLE_EQ(empty.step_time, 1);
  EXPECT_NEAR(empty.step_time_with, 1 + 16 * p + 2 * 0.010 + 0.001, kRounding);
  EXPECT_NEAR(empty.cost, empty.step_time_with, 1e-12);

  const double s = 1 - static_cast<double>(ActivationOfCode(3)[150]);
  EXPECT_NEAR(busy.expected_experts, 16 * (1 - s), 16 * 4e-5);
  EXPECT_NEAR(busy.marginal_experts, 16 * p * s, kRounding);
  EXPECT_EQ(busy.batch, 5);
  EXPECT_NEAR(busy.step_time, 1 + 16 * (1 - s) + 0.05 + 0.004, 16 * 4e-5);
  EXPECT_NEAR(busy.step_time_with, 1 + 16 * (1 - s) + 16 * p * s + 0.07 + 0.005, kRounding);
  EXPECT_NEAR(busy.cost, busy.step_time_with + 5 * (busy.step_time_with - busy.step_time), 1e-9);
}

TEST_F(DecisionTest, EvaluatesAGroupOnceHoweverManyNodesItHas) {
  for (int i = 0; i < 40; ++i) {
    NodeSpec spec;
    spec.node_id = absl::StrCat("n", i);
    spec.expert_group = absl::StrCat("g", i % 5);  // the ranks of five engines, in turn
    fleet_.Add(spec);
  }
  PutOn(0, 150, 3);
  const auto ranked = Rank(ResidencyPolicy({.w = 1}), AllNodes());
  EXPECT_EQ(decision_.work().groups, 5u);
  EXPECT_EQ(decision_.work().rows, 1u);
  for (const Candidate& candidate : ranked) {
    const double p = ActivationOfCode(1)[200];
    const bool busy = candidate.node->spec.expert_group == "g0";
    const double s = busy ? 1 - static_cast<double>(ActivationOfCode(3)[150]) : 1;
    EXPECT_NEAR(candidate.marginal_experts, 16 * p * s, kRounding) << candidate.node->spec.node_id;
  }
  // The next decision is of another request.
  codes_.assign(codes_.size(), 120);
  for (const Candidate& candidate : Rank(ResidencyPolicy({.w = 1}), AllNodes())) {
    if (candidate.node->spec.expert_group == "g0") continue;
    EXPECT_NEAR(candidate.marginal_experts, 16 * double{ActivationOfCode(1)[120]}, kRounding);
  }
}

TEST_F(DecisionTest, ConvertsTheRequestOnceForEachMultiplicity) {
  for (int i = 0; i < 15; ++i) {
    AddNodes(1, 1);
    AddNodes(1, 3);
  }
  for (int round = 0; round < 3; ++round) {
    const auto ranked = Rank(ResidencyPolicy({.w = 1}), AllNodes());
    EXPECT_EQ(decision_.work().rows, 2u);
    for (const Candidate& candidate : ranked) {
      const double p = ActivationOfCode(candidate.node->spec.tokens_per_step)[200];
      EXPECT_NEAR(candidate.marginal_experts, 16 * p, kRounding);
    }
  }
  // More of them than are kept: right all the same.
  for (std::uint32_t tokens = 4; tokens < 30; ++tokens) AddNodes(1, tokens);
  for (const Candidate& candidate : Rank(ResidencyPolicy({.w = 1}), AllNodes())) {
    const double p = ActivationOfCode(candidate.node->spec.tokens_per_step)[200];
    EXPECT_NEAR(candidate.marginal_experts, 16 * p, kRounding);
  }
}

// Within 64 candidates every cost is exact, so fleets dealt out in hands of 16 tell the truth.
TEST_F(DecisionTest, OfManyCandidatesTheChoiceIsWithinTheToleranceOfTheBest) {
  SCOPED_TRACE(SeedNote());
  AddNodes(300);
  for (int round = 0; round < 200; ++round) {
    for (auto& code : codes_) code = static_cast<std::uint8_t>(rng_());
    for (int i = 0; i < 20; ++i) {
      std::vector<std::uint8_t> load(geometry_.cells());
      for (auto& code : load) code = static_cast<std::uint8_t>(100 + rng_() % 156);
      ExpertGroup& group = *fleet_.nodes()[rng_() % fleet_.nodes().size()]->group;
      group.residency.Add(load, 1);
      ++group.batch;
    }
    double least = std::numeric_limits<double>::infinity();
    const std::vector<Candidate> all = AllNodes();
    for (std::size_t i = 0; i < all.size(); i += 16) {
      const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(i + 16, all.size()));
      const auto hand =
          Rank(ResidencyPolicy({.w = 1}), {all.begin() + static_cast<std::ptrdiff_t>(i), end});
      least = std::min(least, hand[0].cost);
    }
    const auto ranked = Rank(ResidencyPolicy({.w = 1}), all);
    ASSERT_EQ(ranked.size(), all.size());
    EXPECT_GE(ranked[0].cost, least);
    EXPECT_LE(ranked[0].cost, least * (1 + Decision::kTolerance)) << "round " << round;
    for (std::size_t i = 1; i < Decision::kRanked; ++i) {
      EXPECT_LE(ranked[i - 1].cost, ranked[i].cost) << "round " << round;
    }
  }
}

TEST_F(DecisionTest, ANodeThatVerifiesSeveralTokensActivatesMore) {
  AddNodes(1);
  AddNodes(1, 4);
  const auto ranked = Rank(ResidencyPolicy({.w = 1}), AllNodes());
  ASSERT_EQ(ranked[0].node->spec.node_id, "n0");
  EXPECT_NEAR(ranked[0].marginal_experts, 16.0 * ActivationOfCode(1)[200], kRounding);
  EXPECT_NEAR(ranked[1].marginal_experts, 16.0 * ActivationOfCode(4)[200], kRounding);
}

TEST_F(DecisionTest, TheMixedStepIsThatOfAnEvenShareOfAverageRequestsAndTheSpareOnes) {
  AddNodes(2);
  AddNodes(1, 2);
  PutOn(0, 150, 3);
  fleet_.nodes()[0]->sequences = 7;
  fleet_.nodes()[0]->group->context_tokens = 6000;
  // 7 and 3 on 3 nodes, rounded up, and twice 3: 10. A token leaves a cell with 1 - 2 / 8.
  const auto ranked = Rank(ResidencyPolicy({.w = 1, .spare_requests = 2}), AllNodes(), {3, 900, 0});
  for (const Candidate& candidate : ranked) {
    const double tokens = 10.0 * candidate.node->spec.tokens_per_step;
    EXPECT_NEAR(candidate.mixed_step_time,
                1 + 16 * (1 - std::pow(0.75, tokens)) + 10 * 0.010 + 2300e-6 + 1800e-6, 1e-6)
        << candidate.node->spec.node_id;
  }
  EXPECT_EQ(Rank(ResidencyPolicy({.w = 1}), AllNodes())[0].mixed_step_time, 0) << "nobody asks";
}

TEST_F(DecisionTest, WhatIsAvoidedComesAfterTheRestHoweverCheap) {
  SCOPED_TRACE(SeedNote());
  // With much weight on those that are there, a full node is the cheapest: all is active already.
  const ResidencyPolicy policy({.w = 5, .spare_requests = 1});
  AddNodes(300);
  const auto put = [&](DecodeNode& node, std::uint8_t least, std::uint8_t range) {
    std::vector<std::uint8_t> load(geometry_.cells());
    for (auto& code : load) code = static_cast<std::uint8_t>(least + rng_() % range);
    node.group->residency.Add(load, 1);
    node.group->batch = ++node.sequences;
  };
  for (const auto& node : fleet_.nodes()) {
    for (int i = 0; i < 6; ++i) put(*node, 60, 110);
  }
  int mixed = 0;
  for (int round = 0; round < 100; ++round) {
    for (auto& code : codes_) code = static_cast<std::uint8_t>(rng_() % 230);
    for (int i = 0; i < 20; ++i) put(*fleet_.nodes()[rng_() % 300], 130, 120);
    const auto ranked = Rank(policy, AllNodes());
    double least = std::numeric_limits<double>::infinity(), least_of_all = least;
    // The mixed step of a hand of 16 is another one, so each node is asked for its own alone.
    for (const auto& node : fleet_.nodes()) {
      const Candidate alone =
          Rank(ResidencyPolicy({.w = 5}), {{.node = node.get(), .load = node->sequences}})[0];
      least_of_all = std::min(least_of_all, alone.cost);
      if (alone.step_time_with <= ranked[0].mixed_step_time) least = std::min(least, alone.cost);
    }
    if (least > least_of_all) ++mixed;
    ASSERT_EQ(ranked[0].avoided, least == std::numeric_limits<double>::infinity()) << round;
    if (ranked[0].avoided) continue;
    EXPECT_LE(ranked[0].step_time_with, ranked[0].mixed_step_time) << round;
    EXPECT_LE(ranked[0].cost, least * (1 + Decision::kTolerance)) << round;
  }
  EXPECT_GT(mixed, 0) << "no round had a cheaper node that is avoided";
}

TEST_F(DecisionTest, FillsTheFieldsOfTheBestForAPolicyThatReadsNone) {
  AddNodes(40);
  const auto ranked = Rank(LeastLoadedPolicy(), AllNodes());
  for (std::size_t i = 0; i < Decision::kRanked; ++i) {
    EXPECT_GT(ranked[i].marginal_experts, 0) << i;
    EXPECT_GT(ranked[i].step_time_with, ranked[i].step_time) << i;
  }
}

TEST_F(DecisionTest, AmongEqualCostsTheLessLoadedGoesFirst) {
  AddNodes(3);
  fleet_.nodes()[0]->sequences = 2;
  fleet_.nodes()[1]->sequences = 1;
  fleet_.nodes()[2]->sequences = 3;
  const auto ranked = Rank(FirstRegisteredPolicy(), AllNodes());
  EXPECT_EQ(ranked[0].node->spec.node_id, "n1");
  EXPECT_EQ(ranked[1].node->spec.node_id, "n0");
  EXPECT_EQ(ranked[2].node->spec.node_id, "n2");
}

TEST_F(DecisionTest, TiesAreRandomButSeeded) {
  AddNodes(5);
  std::set<std::string> chosen;
  std::vector<std::string> first, again;
  for (auto* run : {&first, &again}) {
    rng_.seed(3);
    for (int i = 0; i < 100; ++i) {
      run->push_back(Rank(ResidencyPolicy({.w = 1}), AllNodes())[0].node->spec.node_id);
      chosen.insert(run->back());
    }
  }
  EXPECT_EQ(first, again);
  EXPECT_EQ(chosen.size(), 5u);
  rng_.seed(4);
  std::vector<std::string> other;
  for (int i = 0; i < 100; ++i) {
    other.push_back(Rank(ResidencyPolicy({.w = 1}), AllNodes())[0].node->spec.node_id);
  }
  EXPECT_NE(first, other);
}

TEST_F(DecisionTest, TiesGoToTheFirstRegisteredWhereThePolicySaysSo) {
  AddNodes(5);
  for (int i = 0; i < 20; ++i) {
    const auto ranked = Rank(FirstRegisteredPolicy(), AllNodes());
    for (std::size_t k = 0; k < ranked.size(); ++k) EXPECT_EQ(ranked[k].node->ordinal, k);
  }
}

}  // namespace
}  // namespace eldr
