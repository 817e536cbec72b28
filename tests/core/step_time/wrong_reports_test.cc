// Nodes whose reports are wrong: what that may do to what is learned, and for how long.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "core/step_time/step_time_model.h"
#include "gtest/gtest.h"
#include "tests/core/step_time/reporting_node.h"
#include "tests/core/test_seed.h"

namespace eldr {
namespace {

class WrongReportsTest : public ::testing::Test {
 protected:
  StepTimeModel model_{StepTimeShape{}, kReportedGeometry};
  ReportingNode node_{StepTimeShape{}, kReportedGeometry, 1};
};

TEST_F(WrongReportsTest, OneWrongReportChangesNextToNothingHoweverWrongItIs) {
  for (const double lie : {1e-9, 0.001, 0.02, 0.1, 0.2, 0.5, 2.0, 5.0, 10.0, 50.0, 1000.0, 1e9}) {
    for (const int reports_before : {5, 20, 200}) {
      SCOPED_TRACE(lie);
      StepTimeModel model(StepTimeShape{}, kReportedGeometry);
      node_.Tell(model, reports_before);
      node_.Tell(model, 1, lie);
      EXPECT_NEAR(node_.Ratio(model), 1, reports_before == 5 ? 0.3 : 0.2);
    }
  }
}

TEST_F(WrongReportsTest, OneWrongReportOfManyBucketsChangesNoMoreThanThat) {
  node_.Tell(model_, 50);
  std::vector<StepStats> steps;
  for (std::uint32_t batch = 1; batch <= 64; ++batch) steps.push_back(node_.Report(batch, 0.2));
  model_.Observe(steps, node_.Experts(20), 20);
  EXPECT_NEAR(node_.Ratio(model_), 1, 0.1);
}

TEST_F(WrongReportsTest, AWrongBucketAmongRightOnesIsLeftOut) {
  node_.Tell(model_, 20);
  const std::vector<StepStats> steps = {node_.Report(8), node_.Report(16, 0.05), node_.Report(32)};
  EXPECT_TRUE(model_.Observe(steps, node_.Experts(20), 20)
                  .test(static_cast<std::size_t>(Disbelief::kPast)));
  EXPECT_NEAR(node_.Ratio(model_), 1, 0.1);
}

TEST_F(WrongReportsTest, AThousandTimesTooShortIsNeverBelieved) {
  EXPECT_EQ(node_.Tell(model_, 500, 0.001), 500);
  EXPECT_TRUE(model_.unlearned());
  node_.Tell(model_, 20);
  EXPECT_EQ(node_.Tell(model_, 500, 0.001), 500);
  EXPECT_EQ(node_.Tell(model_, 500, 1000), 500);
  EXPECT_NEAR(node_.Ratio(model_), 1, 0.1);
}

TEST_F(WrongReportsTest, WhatWasLearnedFromWrongReportsIsGoneAfterADozenRightOnes) {
  for (const double lie : {0.02, 0.1, 0.3}) {
    for (const int lies : {1, 5, 100}) {
      SCOPED_TRACE(lie);
      StepTimeModel model(StepTimeShape{}, kReportedGeometry);
      node_.Tell(model, lies, lie);
      node_.Tell(model, 13);
      EXPECT_NEAR(node_.Ratio(model), 1, 0.1) << lies;
    }
  }
}

TEST_F(WrongReportsTest, OneThatTellsATwentiethEverySecondTimeIsNotTakenForFast) {
  for (int i = 0; i < 20; ++i) {
    node_.Tell(model_, 1);
    node_.Tell(model_, 1, 0.05);
  }
  for (int i = 0; i < 200; ++i) {
    node_.Tell(model_, 1, i % 2 == 0 ? 0.05 : 1);
    ASSERT_GT(node_.Ratio(model_), 0.8) << i;
  }
}

TEST_F(WrongReportsTest, OneThatDriftsIsBoundedAndForgivenAtOnce) {
  double lie = 1;
  for (int i = 0; i < 700; ++i) {
    node_.Tell(model_, 1, lie);
    lie *= 0.99;
  }
  EXPECT_GE(model_.coefficients().slowness, 0.01);
  node_.Tell(model_, 10);
  EXPECT_NEAR(node_.Ratio(model_), 1, 0.1);
}

TEST_F(WrongReportsTest, WhateverIsReportedTheCoefficientsStayWithinBounds) {
  const std::uint64_t seed = TestSeed();
  SCOPED_TRACE(seed);
  std::mt19937_64 rng(seed);
  std::uniform_real_distribution<double> exponent(-25, 25);
  for (int i = 0; i < 3000; ++i) {
    StepStats stats;
    stats.max_batch = 1 + static_cast<std::uint32_t>(rng() % 1'000'000);
    stats.steps = 1 + rng() % (1ull << (rng() % 40));
    stats.total_duration = std::max(absl::Nanoseconds(1), absl::Seconds(std::exp(exponent(rng))));
    stats.mean_batch = std::min<double>(stats.max_batch, std::exp(exponent(rng) / 2));
    if (rng() % 2 == 0) stats.mean_context_tokens = std::exp(exponent(rng));
    if (rng() % 2 == 0) stats.mean_distinct_experts = static_cast<double>(rng() % 769);
    model_.Observe({&stats, 1}, static_cast<double>(rng() % 769), static_cast<double>(rng() % 100));
    const StepTimeCoefficients learned = model_.coefficients();
    ASSERT_GE(learned.slowness, 0.01);
    ASSERT_LE(learned.slowness, 100);
    ASSERT_GE(learned.base, 0.004 / 400);
    ASSERT_LE(learned.base, 0.004 * 400);
    ASSERT_LE(std::abs(model_.Offset(static_cast<double>(rng() % 1'000'000))), 0.2);
    StepTimeModel restored(StepTimeShape{}, kReportedGeometry);
    ASSERT_TRUE(model_.unlearned() || restored.Restore(model_.Save())) << i;
  }
}

}  // namespace
}  // namespace eldr
