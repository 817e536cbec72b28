// The cost law of each policy, on candidates made by hand.
#include "core/policy/policy.h"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "core/policy/load_policies.h"
#include "core/policy/residency_policy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/test_seed.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;

class PolicyTest : public ::testing::Test {
 protected:
  // Candidates with these loads; their nodes have the ordinals 10, 20, 30, ...
  std::vector<Candidate> Candidates(const std::vector<std::uint32_t>& loads) {
    nodes_ = std::vector<DecodeNode>(loads.size());
    std::vector<Candidate> candidates(loads.size());
    for (std::size_t i = 0; i < loads.size(); ++i) {
      nodes_[i].ordinal = 10 * (i + 1);
      candidates[i].node = &nodes_[i];
      candidates[i].load = loads[i];
      candidates[i].cost = -1;
    }
    return candidates;
  }
  std::vector<double> Costs(const Policy& policy, std::vector<Candidate> candidates,
                            std::optional<std::uint64_t> last_ordinal = {}) {
    policy.Score({last_ordinal, rng_, nullptr, absl::ZeroDuration()}, absl::MakeSpan(candidates));
    std::vector<double> costs;
    for (const Candidate& candidate : candidates) costs.push_back(candidate.cost);
    return costs;
  }

  std::mt19937_64 rng_ = SeededRng();
  std::vector<DecodeNode> nodes_;
};

TEST_F(PolicyTest, ResidencyIsTheNewStepTimePlusWhatTheOthersLose) {
  const struct {
    double w, batch, step_time, step_time_with, cost;
  } cases[] = {
      {1, 0, 0.004, 0.005, 0.005},   // nobody there to be slowed down
      {1, 10, 0.020, 0.021, 0.031},  // 0.021 + 10 * 0.001
      {0, 10, 0.020, 0.021, 0.021},  // the others do not count
      {2, 10, 0.020, 0.021, 0.041},  // they count twice
      {1, 10, 0.020, 0.020, 0.020},  // a request that adds nothing
  };
  for (const auto& c : cases) {
    std::vector<Candidate> candidates = Candidates({0});
    candidates[0].batch = c.batch;
    candidates[0].step_time = c.step_time;
    candidates[0].step_time_with = c.step_time_with;
    EXPECT_NEAR(Costs(ResidencyPolicy({.w = c.w}), candidates)[0], c.cost, 1e-12);
  }
  EXPECT_TRUE(ResidencyPolicy({.w = 1}).evaluates());
}

TEST_F(PolicyTest, AGuardAvoidsNodesSlowerThanMixedOnes) {
  std::vector<Candidate> candidates = Candidates({0, 0});
  candidates[0].step_time = candidates[0].step_time_with = candidates[0].mixed_step_time = 1.2;
  candidates[1].step_time = 1;
  candidates[1].step_time_with = 1.3;
  candidates[1].mixed_step_time = 1.2;
  const auto avoided = [&](const Policy& policy) {
    std::vector<Candidate> scored = candidates;
    policy.Score({{}, rng_, nullptr, absl::ZeroDuration()}, absl::MakeSpan(scored));
    EXPECT_EQ(scored[1].cost, 1.3) << "the cost is what it is";
    return std::vector<bool>{scored[0].avoided, scored[1].avoided};
  };
  EXPECT_THAT(avoided(ResidencyPolicy({.w = 1, .spare_requests = 0})), ElementsAre(false, true));
  EXPECT_THAT(avoided(ResidencyPolicy({.w = 1})), ElementsAre(false, false));
}

TEST_F(PolicyTest, ObjectivesDifferInWeightAndGuard) {
  EXPECT_THAT(ObjectiveNames(), ElementsAre("median", "balanced", "tail"));
  EXPECT_EQ(ObjectiveOf("median", 1.25).spare_requests, std::nullopt);
  EXPECT_EQ(ObjectiveOf("median", 1.25).w, 1.25);
  EXPECT_GT(ObjectiveOf("balanced", 1.25).spare_requests, ObjectiveOf("tail", 1.25).spare_requests);
  EXPECT_EQ(ObjectiveOf("balanced", 1.25).w, 1.25);
  EXPECT_EQ(ObjectiveOf("tail", 1.25).w, 0.6);
  EXPECT_EQ(ObjectiveOf("tail", 0.5).w, 0.5);
}

TEST_F(PolicyTest, LeastLoadedIsTheLoad) {
  EXPECT_THAT(Costs(LeastLoadedPolicy(), Candidates({5, 0, 3})), ElementsAre(5, 0, 3));
  EXPECT_FALSE(LeastLoadedPolicy().evaluates());
}

TEST_F(PolicyTest, PowerOfTwoPutsTheLessLoadedOfTwoDrawnFirstAndTheRestByLoad) {
  const std::vector<std::uint32_t> loads = {4, 1, 3, 2};
  std::map<std::pair<std::size_t, std::size_t>, int> drawn;
  for (int i = 0; i < 1200; ++i) {
    const std::vector<double> costs = Costs(PowerOfTwoPolicy(), Candidates(loads));
    std::vector<std::size_t> two;
    for (std::size_t k = 0; k < costs.size(); ++k) {
      if (costs[k] == loads[k]) {
        two.push_back(k);
      } else {
        EXPECT_EQ(costs[k] - loads[k], 1e12);
      }
    }
    ASSERT_EQ(two.size(), 2u);
    const auto best = std::min_element(costs.begin(), costs.end()) - costs.begin();
    EXPECT_EQ(*std::min_element(costs.begin(), costs.end()), std::min(loads[two[0]], loads[two[1]]))
        << best;
    ++drawn[{two[0], two[1]}];
  }
  // Each of the six pairs, about 200 times; five standard deviations are 65.
  EXPECT_EQ(drawn.size(), 6u);
  for (const auto& [pair, times] : drawn) EXPECT_NEAR(times, 200, 65);
}

TEST_F(PolicyTest, PowerOfTwoOfOneTakesIt) {
  EXPECT_THAT(Costs(PowerOfTwoPolicy(), Candidates({7})), ElementsAre(7));
}

TEST_F(PolicyTest, RoundRobinStartsAfterTheLastChosen) {
  const RoundRobinPolicy policy;
  EXPECT_THAT(Costs(policy, Candidates({9, 0, 5})), ElementsAre(0, 1, 2));
  EXPECT_THAT(Costs(policy, Candidates({9, 0, 5}), 10), ElementsAre(2, 0, 1));
  EXPECT_THAT(Costs(policy, Candidates({9, 0, 5}), 20), ElementsAre(1, 2, 0));
  EXPECT_THAT(Costs(policy, Candidates({9, 0, 5}), 30), ElementsAre(0, 1, 2));
}

TEST_F(PolicyTest, RoundRobinGoesOnWhenTheLastChosenIsGone) {
  const RoundRobinPolicy policy;
  EXPECT_THAT(Costs(policy, Candidates({0, 0, 0}), 15), ElementsAre(2, 0, 1));
  EXPECT_THAT(Costs(policy, Candidates({0, 0, 0}), 99), ElementsAre(0, 1, 2));
  EXPECT_THAT(Costs(policy, Candidates({0, 0, 0}), 3), ElementsAre(0, 1, 2));
  EXPECT_THAT(Costs(policy, Candidates({0}), 10), ElementsAre(0));
}

TEST_F(PolicyTest, RandomChoosesEveryNodeAboutAsOften) {
  std::vector<int> chosen(4, 0);
  for (int i = 0; i < 4000; ++i) {
    const std::vector<double> costs = Costs(RandomPolicy(), Candidates({100, 0, 0, 0}));
    ++chosen[static_cast<std::size_t>(std::min_element(costs.begin(), costs.end()) -
                                      costs.begin())];
  }
  // Five standard deviations are 137.
  for (const int times : chosen) EXPECT_NEAR(times, 1000, 137);
}

TEST_F(PolicyTest, EqualSeedsGiveEqualCosts) {
  const PowerOfTwoPolicy power_of_two;
  const RandomPolicy random;
  for (const Policy* policy :
       {static_cast<const Policy*>(&power_of_two), static_cast<const Policy*>(&random)}) {
    rng_.seed(7);
    const auto first = Costs(*policy, Candidates({1, 2, 3, 4, 5}));
    rng_.seed(7);
    EXPECT_EQ(Costs(*policy, Candidates({1, 2, 3, 4, 5})), first) << policy->name();
  }
}

}  // namespace
}  // namespace eldr
