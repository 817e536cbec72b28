#include "tools/replay/replay_result.h"

#include <vector>

#include "gtest/gtest.h"

namespace eldr::replay {
namespace {

std::vector<absl::Duration> Milliseconds(int from, int to) {
  std::vector<absl::Duration> times;
  for (int i = from; i <= to; ++i) times.push_back(absl::Milliseconds(i));
  return times;
}

TEST(ReplayResultTest, TakesPercentilesByNearestRank) {
  EXPECT_EQ(NearestRank(Milliseconds(1, 100), 50), absl::Milliseconds(50));
  EXPECT_EQ(NearestRank(Milliseconds(1, 100), 99), absl::Milliseconds(99));
  EXPECT_EQ(NearestRank(Milliseconds(1, 101), 50), absl::Milliseconds(51));
  EXPECT_EQ(NearestRank(Milliseconds(1, 4), 50), absl::Milliseconds(2));
  EXPECT_EQ(NearestRank(Milliseconds(1, 4), 95), absl::Milliseconds(4));
  EXPECT_EQ(NearestRank(Milliseconds(7, 7), 1), absl::Milliseconds(7));
  EXPECT_EQ(NearestRank(Milliseconds(1, 10), 100), absl::Milliseconds(10));
}

TEST(ReplayResultTest, SummarizesInAnyOrder) {
  std::vector<absl::Duration> times = {absl::Milliseconds(9), absl::Milliseconds(1),
                                       absl::Milliseconds(2)};
  const TimeSummary summary = Summarize(times);
  EXPECT_EQ(summary.count, 3u);
  EXPECT_EQ(summary.p50, absl::Milliseconds(2));
  EXPECT_EQ(summary.p99, absl::Milliseconds(9));
  EXPECT_EQ(summary.mean, absl::Milliseconds(4));
  std::vector<absl::Duration> none;
  EXPECT_EQ(Summarize(none).count, 0u);
}

}  // namespace
}  // namespace eldr::replay
