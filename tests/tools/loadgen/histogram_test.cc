#include "tools/loadgen/histogram.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "tools/replay/random_stream.h"

namespace eldr::loadgen {
namespace {

TEST(HistogramTest, AnswersZeroWhenEmpty) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.Percentile(99), absl::ZeroDuration());
  EXPECT_EQ(histogram.Mean(), absl::ZeroDuration());
}

TEST(HistogramTest, IsExactForAFewNanosecondsAndForTheMaximum) {
  Histogram histogram;
  for (const int value : {1, 2, 3, 200}) histogram.Record(absl::Nanoseconds(value));
  histogram.Record(absl::Hours(3));
  EXPECT_EQ(histogram.Percentile(0), absl::Nanoseconds(1));
  EXPECT_EQ(histogram.Percentile(60), absl::Nanoseconds(3));
  EXPECT_EQ(histogram.Percentile(80), absl::Nanoseconds(200));
  EXPECT_EQ(histogram.Percentile(100), absl::Hours(3));
  EXPECT_EQ(histogram.max(), absl::Hours(3));
}

TEST(HistogramTest, TakesNegativeTimesForZero) {
  Histogram histogram;
  histogram.Record(-absl::Seconds(1));
  EXPECT_EQ(histogram.Percentile(100), absl::ZeroDuration());
}

TEST(HistogramTest, TakesTheLongestDurationThatNanosecondsCanCount) {
  Histogram histogram;
  histogram.Record(absl::InfiniteDuration());
  EXPECT_GE(histogram.Percentile(50), absl::Hours(24 * 365 * 200));
}

// Against sorted values, over nine orders of magnitude.
TEST(HistogramTest, IsNeverTooLowAndAtMostOnePercentTooHigh) {
  constexpr std::uint64_t kSeed = 7;
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  replay::RandomStream stream(kSeed, 0);
  Histogram histogram;
  std::vector<double> values;
  for (int i = 0; i < 20'000; ++i) {
    const double nanoseconds = std::floor(std::pow(10, 9 * stream.Uniform()));
    values.push_back(nanoseconds);
    histogram.Record(absl::Nanoseconds(nanoseconds));
  }
  std::sort(values.begin(), values.end());
  for (const double percent : {1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    const auto rank =
        static_cast<std::size_t>(std::ceil(percent / 100 * static_cast<double>(values.size())));
    const double exact = values[rank - 1];
    const double answered = absl::ToDoubleNanoseconds(histogram.Percentile(percent));
    EXPECT_GE(answered, exact) << percent;
    EXPECT_LE(answered, 1.008 * exact) << percent;
  }
}

}  // namespace
}  // namespace eldr::loadgen
