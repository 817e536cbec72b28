// What a fleet learns of step times: by expert group, from honest nodes and from others.
#include <limits>
#include <string>
#include <vector>

#include "core/fleet/fleet.h"
#include "gtest/gtest.h"
#include "tests/core/step_time/reporting_node.h"

namespace eldr {
namespace {

class FleetStepsTest : public ::testing::Test {
 protected:
  DecodeNode& Add(const std::string& id, const std::string& group = "") {
    NodeSpec spec;
    spec.node_id = id;
    spec.expert_group = group;
    return fleet_.Add(spec);
  }
  Disbeliefs Tell(DecodeNode& node, double lie = 1) {
    const std::vector<StepStats> steps = {engine_.AnyReport(lie)};
    return fleet_.ObserveSteps(node, steps);
  }
  // Predicted over true step time.
  double Ratio(const DecodeNode& node) const { return engine_.Ratio(node.group->step_time); }
  static bool Has(Disbeliefs disbeliefs, Disbelief one) {
    return disbeliefs.test(static_cast<std::size_t>(one));
  }

  Fleet fleet_{kReportedGeometry, StepTimeShape{}};
  ReportingNode engine_{StepTimeShape{}, kReportedGeometry, 1};
};

TEST_F(FleetStepsTest, OneThatLiesLooksNoFasterThanTheHonestOnes) {
  for (const double lie : {0.001, 1000.0}) {
    SCOPED_TRACE(lie);
    const std::vector<DecodeNode*> nodes = {&Add("a" + std::to_string(lie)),
                                            &Add("b" + std::to_string(lie)),
                                            &Add("liar" + std::to_string(lie))};
    for (int second = 0; second < 100; ++second) {
      EXPECT_TRUE(Tell(*nodes[0]).none());
      EXPECT_TRUE(Tell(*nodes[1]).none());
      EXPECT_TRUE(Has(Tell(*nodes[2], lie), Disbelief::kShape));
      for (const DecodeNode* node : nodes) ASSERT_NEAR(Ratio(*node), 1, 0.3) << second;
    }
  }
}

TEST_F(FleetStepsTest, ARankThatLiesIsOutvotedByThoseOfItsGroup) {
  std::vector<DecodeNode*> ranks;
  for (int rank = 0; rank < 8; ++rank) ranks.push_back(&Add(std::to_string(rank), "engine"));
  // Each rank runs an eighth of the batch; the steps are the same for all.
  const auto tell = [&](DecodeNode& rank, double lie) {
    StepStats stats = engine_.Report(32, lie);
    stats.max_batch = 4;
    stats.mean_batch = 4;
    stats.mean_distinct_experts = engine_.Experts(4);
    return fleet_.ObserveSteps(rank, {&stats, 1});
  };
  for (int second = 0; second < 50; ++second) {
    for (DecodeNode* rank : ranks) tell(*rank, rank == ranks[3] ? 0.02 : 1);
    ASSERT_NEAR(Ratio(*ranks[0]), 1, second > 3 ? 0.2 : 0.5) << second;
  }
}

TEST_F(FleetStepsTest, ARanksExpertsAreTakenForItsPartOfTheBatch) {
  DecodeNode& first = Add("0", "engine");
  Add("1", "engine");
  DecodeNode& alone = Add("alone");
  for (int i = 0; i < 100; ++i) {
    // The truth is the configured shape: a batch of 16 with what 16 activate.
    StepStats stats = engine_.Report(16);
    fleet_.ObserveSteps(alone, {&stats, 1});
    stats.max_batch = 8;
    stats.mean_batch = 8;
    stats.mean_distinct_experts = engine_.Experts(8);
    fleet_.ObserveSteps(first, {&stats, 1});
  }
  EXPECT_NEAR(first.group->step_time.coefficients().slowness, 1, 0.05);
  EXPECT_NEAR(alone.group->step_time.coefficients().slowness, 1, 0.05);
}

TEST_F(FleetStepsTest, ExpertsThatNoBatchCanActivateAreNotBelieved) {
  DecodeNode& node = Add("a");
  StepStats stats = engine_.Report(16);
  const double told = *stats.mean_distinct_experts;
  const auto observe = [&](double experts) {
    stats.mean_distinct_experts = experts;
    return fleet_.ObserveSteps(node, {&stats, 1});
  };
  EXPECT_TRUE(observe(told).none());
  EXPECT_TRUE(Has(observe(told / 24), Disbelief::kExperts));  // a mean over layers
  EXPECT_TRUE(Has(observe(0), Disbelief::kExperts));
  stats = engine_.Report(1);
  EXPECT_TRUE(observe(96).none());
  EXPECT_TRUE(Has(observe(400), Disbelief::kExperts));  // of one token, at 4 of each of 24 layers
}

TEST_F(FleetStepsTest, BatchesOfManyRanksDoNotWrapRound) {
  for (int rank = 0; rank < 5000; ++rank) Add(std::to_string(rank), "engine");
  StepStats stats = {1'000'000, 100, absl::Seconds(100), 1, {}, 400.0};
  fleet_.ObserveSteps(*fleet_.nodes()[0], {&stats, 1});
  const auto& offsets = fleet_.nodes()[0]->group->step_time.Save().offsets;
  ASSERT_EQ(offsets.size(), 1u);
  EXPECT_EQ(offsets[0].max_batch, std::numeric_limits<std::uint32_t>::max());
}

}  // namespace
}  // namespace eldr
