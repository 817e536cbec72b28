// What a step time model learns from honest reports, keeps, and takes back.
#include <cmath>
#include <limits>
#include <vector>

#include "core/step_time/step_time_model.h"
#include "gtest/gtest.h"
#include "tests/core/step_time/reporting_node.h"

namespace eldr {
namespace {

class StepTimeLearningTest : public ::testing::Test {
 protected:
  StepTimeModel model_{StepTimeShape{}, kReportedGeometry};
  ReportingNode node_{StepTimeShape{}, kReportedGeometry, 1};
};

TEST_F(StepTimeLearningTest, NothingIsLearnedBeforeTheFirstReport) {
  EXPECT_TRUE(model_.unlearned());
  EXPECT_EQ(model_.coefficients().slowness, 1);
  EXPECT_EQ(model_.Offset(8), 0);
  node_.Tell(model_, 1);
  EXPECT_FALSE(model_.unlearned());
}

TEST_F(StepTimeLearningTest, OneReportMostlySettlesASlownessOfTwo) {
  node_.slowness = 2;
  node_.Tell(model_, 1);
  EXPECT_GT(node_.Ratio(model_), 0.6);
  node_.Tell(model_, 9);
  EXPECT_NEAR(node_.Ratio(model_), 1, 0.1);
}

TEST_F(StepTimeLearningTest, FindsASlownessOfAnySizeThatAMachineMayHave) {
  for (const double slowness : {0.02, 0.1, 0.3, 3.0, 10.0, 60.0}) {
    SCOPED_TRACE(slowness);
    StepTimeModel model(StepTimeShape{}, kReportedGeometry);
    node_.slowness = slowness;
    node_.Tell(model, 20);
    EXPECT_NEAR(node_.Ratio(model), 1, 0.1);
  }
}

TEST_F(StepTimeLearningTest, TellsTheTermsApartWhereReportsTellTheExperts) {
  // Told that experts cost a quarter, and requests ten times, of what they do.
  const StepTimeShape told = {absl::Milliseconds(4), absl::Milliseconds(5), absl::Microseconds(300),
                              absl::ZeroDuration()};
  StepTimeModel model(told, kReportedGeometry);
  EXPECT_EQ(node_.Tell(model, 200), 0);
  for (const double batch : {4.0, 12.0, 40.0}) {
    EXPECT_NEAR(model.Predict(node_.Experts(batch), batch, 0) / node_.StepTime(batch), 1, 0.1)
        << batch;
  }
  const StepTimeCoefficients learned = model.coefficients();
  EXPECT_GT(learned.per_expert, 0.005 / 768 * 2);
  EXPECT_LT(learned.per_request, 0.0003 / 2);
}

TEST_F(StepTimeLearningTest, OneFactorIsAllThatReportsWithoutExpertsTell) {
  node_.tells_experts = false;
  node_.slowness = 2;
  node_.Tell(model_, 50);
  const StepTimeCoefficients learned = model_.coefficients();
  EXPECT_NEAR(learned.slowness, 2, 0.2);
  EXPECT_DOUBLE_EQ(learned.base, 0.004 * learned.slowness);
  EXPECT_DOUBLE_EQ(learned.per_request, 0.00003 * learned.slowness);
}

TEST_F(StepTimeLearningTest, FollowsANodeThatBecomesSlower) {
  for (const double slowness : {1.7, 3.0, 8.0}) {
    SCOPED_TRACE(slowness);
    node_.slowness = 1;
    node_.Tell(model_, 100);
    node_.slowness = slowness;
    node_.Tell(model_, 16);
    EXPECT_NEAR(node_.Ratio(model_), 1, 0.15);
  }
}

TEST_F(StepTimeLearningTest, FollowsANodeThatBecomesFaster) {
  node_.slowness = 8;
  node_.Tell(model_, 100);
  node_.slowness = 1;
  node_.Tell(model_, 14);
  EXPECT_NEAR(node_.Ratio(model_), 1, 0.1);
}

TEST_F(StepTimeLearningTest, ABucketThatTakesMoreThanItsTermsGetsAnOffsetOfAFifthAtMost) {
  for (int i = 0; i < 100; ++i) {
    const std::vector<StepStats> steps = {node_.Report(8), node_.Report(32, 2)};
    model_.Observe(steps, node_.Experts(20), 20);
  }
  EXPECT_LT(model_.Offset(7), 0.05);
  EXPECT_LE(model_.Offset(9), 0.2);
  EXPECT_GT(model_.Offset(32), 0.1);
  EXPECT_EQ(model_.Offset(33), 0);  // no bucket reported it
}

TEST_F(StepTimeLearningTest, AnOffsetLearnsLittleFromOneReportHoweverFarOff) {
  node_.Tell(model_, 50);
  const double before = model_.Offset(16);
  const std::vector<StepStats> steps = {node_.Report(16, 4)};
  model_.Observe(steps, node_.Experts(20), 20);
  EXPECT_LT(model_.Offset(16) - before, 0.05);
}

TEST_F(StepTimeLearningTest, OffsetsAreKeptOfSoManyBuckets) {
  for (std::uint32_t batch = 1; batch <= 100; ++batch) {
    const std::vector<StepStats> steps = {node_.Report(batch)};
    model_.Observe(steps, node_.Experts(20), 20);
  }
  EXPECT_EQ(model_.Save().offsets.size(), 64u);
}

TEST_F(StepTimeLearningTest, WithoutExpertsToldAndLeasesThereIsNothingToCompareWith) {
  node_.tells_experts = false;
  const std::vector<StepStats> steps = {node_.Report(8)};
  EXPECT_TRUE(model_.Observe(steps, 0, 0).none());
  EXPECT_TRUE(model_.unlearned());
}

TEST_F(StepTimeLearningTest, WhatItKnowsIsGivenBackWhole) {
  node_.slowness = 3;
  node_.Tell(model_, 60);
  StepTimeModel restored(StepTimeShape{}, kReportedGeometry);
  ASSERT_TRUE(restored.Restore(model_.Save()));
  EXPECT_EQ(restored.Save(), model_.Save());
  EXPECT_FALSE(restored.unlearned());
  EXPECT_EQ(restored.Predict(100, 8, 0), model_.Predict(100, 8, 0));
  // And is defended as before.
  EXPECT_EQ(node_.Tell(restored, 1, 0.1), 1);
}

TEST_F(StepTimeLearningTest, WhatIsOutOfRangeOrOfAnotherShapeIsNotTakenBack) {
  node_.Tell(model_, 20);
  const StepTimeModel::Learned sound = model_.Save();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto refused = [&](auto change) {
    StepTimeModel::Learned learned = sound;
    change(learned);
    StepTimeModel model(StepTimeShape{}, kReportedGeometry);
    EXPECT_FALSE(model.Restore(learned));
    EXPECT_TRUE(model.unlearned());
  };
  using Learned = StepTimeModel::Learned;
  refused([](Learned& l) { l.configured[0] *= 2; });
  refused([](Learned& l) { l.slowness = 101; });
  refused([](Learned& l) { l.slowness = 0.009; });
  refused([&](Learned& l) { l.slowness = nan; });
  refused([](Learned& l) { l.shape_squared = 0; });
  refused([](Learned& l) { l.shape_sum = -1; });
  refused([&](Learned& l) { l.term_sums[2] = nan; });
  refused([&](Learned& l) { l.term_products[1][2] = std::numeric_limits<double>::infinity(); });
  refused([](Learned& l) { l.factors[3] = 401; });
  refused([](Learned& l) { l.offsets = {{8, 0.3}}; });
  refused([](Learned& l) { l.offsets = {{8, 0.1}, {8, 0.1}}; });
  refused([](Learned& l) { l.offsets.resize(65); });
}

}  // namespace
}  // namespace eldr
