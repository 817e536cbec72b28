#include "tools/loadgen/arrival_schedule.h"

#include <cmath>

#include "gtest/gtest.h"

namespace eldr::loadgen {
namespace {

constexpr std::uint64_t kSeed = 3;

TEST(ArrivalScheduleTest, SpacesConstantArrivalsEvenlyWithoutDrift) {
  ArrivalSchedule schedule(ArrivalKind::kConstant, 3, kSeed);
  absl::Duration last;
  for (int i = 0; i < 3'000'000; ++i) last = schedule.Next();
  EXPECT_LT(absl::AbsDuration(last - absl::Seconds(1'000'000)), absl::Microseconds(1));
}

TEST(ArrivalScheduleTest, DrawsPoissonArrivalsOfTheRateAndItsSpread) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  constexpr int kArrivals = 100'000;
  ArrivalSchedule schedule(ArrivalKind::kPoisson, 500, kSeed);
  double sum = 0;
  double squares = 0;
  absl::Duration last;
  for (int i = 0; i < kArrivals; ++i) {
    const absl::Duration next = schedule.Next();
    ASSERT_GE(next, last);
    const double gap = absl::ToDoubleSeconds(next - last);
    last = next;
    sum += gap;
    squares += gap * gap;
  }
  const double mean = sum / kArrivals;
  EXPECT_NEAR(mean, 0.002, 0.00003);
  // Exponential gaps: the standard deviation is the mean.
  EXPECT_NEAR(std::sqrt(squares / kArrivals - mean * mean) / mean, 1, 0.02);
}

TEST(ArrivalScheduleTest, RepeatsWithASeedAndDiffersWithAnother) {
  ArrivalSchedule first(ArrivalKind::kPoisson, 10, 1);
  ArrivalSchedule same(ArrivalKind::kPoisson, 10, 1);
  ArrivalSchedule other(ArrivalKind::kPoisson, 10, 2);
  const absl::Duration arrival = first.Next();
  EXPECT_EQ(arrival, same.Next());
  EXPECT_NE(arrival, other.Next());
}

}  // namespace
}  // namespace eldr::loadgen
