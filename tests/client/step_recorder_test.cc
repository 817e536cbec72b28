#include "eldr/client/step_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "client/src/node_reports.h"
#include "client/src/proto_duration.h"
#include "tests/support/status_matchers.h"

namespace eldr::client {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

v1::StepStats Stats(uint32_t bound, uint64_t steps, absl::Duration total, double batch) {
  v1::StepStats stats;
  stats.set_max_batch(bound);
  stats.set_steps(steps);
  *stats.mutable_total_duration() = internal::ToProto(total);
  stats.set_mean_batch(batch);
  return stats;
}

TEST(StepRecorderTest, AddsUpBySizeOfBatch) {
  StepRecorder steps;
  EXPECT_THAT(steps.Add({.batch = 3, .duration = absl::Milliseconds(10), .context_tokens = 100}),
              IsOk());
  EXPECT_THAT(steps.Add({.batch = 4, .duration = absl::Milliseconds(20), .context_tokens = 300}),
              IsOk());
  EXPECT_THAT(steps.Add({.batch = 9, .duration = absl::Milliseconds(30), .distinct_experts = 50}),
              IsOk());
  EXPECT_THAT(steps.Add({.batch = 16, .duration = absl::Milliseconds(40)}), IsOk());
  const std::vector<v1::StepStats> stats = steps.Take();
  ASSERT_THAT(stats, SizeIs(2));
  EXPECT_EQ(stats[0].max_batch(), 4u);
  EXPECT_EQ(stats[0].steps(), 2u);
  EXPECT_EQ(stats[0].mean_batch(), 3.5);
  EXPECT_EQ(internal::FromProto(stats[0].total_duration()), absl::Milliseconds(30));
  EXPECT_EQ(stats[0].mean_context_tokens(), 200);
  EXPECT_FALSE(stats[0].has_mean_distinct_experts());
  EXPECT_EQ(stats[1].max_batch(), 16u);
  EXPECT_EQ(stats[1].mean_batch(), 12.5);
  EXPECT_EQ(stats[1].mean_distinct_experts(), 50);
  EXPECT_THAT(steps.Take(), IsEmpty());
}

TEST(StepRecorderTest, TakesManyEqualStepsAtOnce) {
  StepRecorder steps;
  EXPECT_THAT(steps.Add({.batch = 2.5, .duration = absl::Milliseconds(10), .count = 80}), IsOk());
  EXPECT_THAT(steps.Add({.batch = 2.5, .duration = absl::Milliseconds(10), .count = 0}), IsOk());
  const std::vector<v1::StepStats> stats = steps.Take();
  ASSERT_THAT(stats, SizeIs(1));
  EXPECT_EQ(stats[0].max_batch(), 4u);
  EXPECT_EQ(stats[0].steps(), 80u);
  EXPECT_EQ(internal::FromProto(stats[0].total_duration()), absl::Milliseconds(800));
}

TEST(StepRecorderTest, ABatchOverTheLastBoundCountsAsOfIt) {
  StepRecorder steps({2, 4});
  EXPECT_THAT(steps.Add({.batch = 100, .duration = absl::Milliseconds(10)}), IsOk());
  EXPECT_EQ(steps.Take().at(0).mean_batch(), 4);
}

TEST(StepRecorderTest, HasNoMoreBucketsThanAHeartbeatHolds) {
  const absl::Span<const uint32_t> buckets = DefaultStepBuckets();
  EXPECT_LE(buckets.size(), internal::kMaxHeartbeatBuckets);
  EXPECT_TRUE(std::is_sorted(buckets.begin(), buckets.end(), std::less_equal<>()));
  EXPECT_EQ(buckets.back(), 1'000'000u);
}

TEST(StepRecorderTest, RefusesWhatIsNoStep) {
  StepRecorder steps;
  const auto refused = StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a step of"));
  EXPECT_THAT(steps.Add({.batch = 0, .duration = absl::Seconds(1)}), refused);
  EXPECT_THAT(steps.Add({.batch = std::numeric_limits<double>::quiet_NaN()}), refused);
  EXPECT_THAT(steps.Add({.batch = std::numeric_limits<double>::infinity()}), refused);
  EXPECT_THAT(steps.Add({.batch = 1, .duration = -absl::Seconds(1)}), refused);
  EXPECT_THAT(steps.Add({.batch = 1, .duration = absl::InfiniteDuration()}), refused);
  EXPECT_THAT(steps.Take(), IsEmpty());
}

TEST(MergeStepsTest, WeighsMeansBySteps) {
  v1::StepStats one = Stats(4, 1, absl::Milliseconds(1500), 1);
  one.set_mean_context_tokens(10);
  v1::StepStats three = Stats(4, 3, absl::Milliseconds(2500), 3);
  three.set_mean_context_tokens(30);
  three.set_mean_distinct_experts(7);
  const auto merged = internal::MergeSteps({one}, {three, Stats(1, 0, absl::ZeroDuration(), 0)});
  ASSERT_THAT(merged, SizeIs(1));
  EXPECT_EQ(merged[0].steps(), 4u);
  EXPECT_EQ(internal::FromProto(merged[0].total_duration()), absl::Seconds(4));
  EXPECT_EQ(merged[0].mean_batch(), 2.5);
  EXPECT_EQ(merged[0].mean_context_tokens(), 25);
  EXPECT_FALSE(merged[0].has_mean_distinct_experts());  // not known of all
}

}  // namespace
}  // namespace eldr::client
