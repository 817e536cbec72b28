#include "bench/soak/memory_trend.h"

#include "gtest/gtest.h"

namespace eldr {
namespace {

constexpr std::uint64_t kMiB = 1u << 20;

TEST(MemoryTrendTest, IsFlatUpToSixteenMiBOfASmallProcess) {
  MemoryTrend flat;
  MemoryTrend grown;
  for (std::uint64_t i = 0; i <= 100; ++i) {
    flat.Add(50 * kMiB + 16 * kMiB * i / 100);
    grown.Add(50 * kMiB + 20 * kMiB * i / 100);
  }
  EXPECT_TRUE(flat.Flat());
  EXPECT_FALSE(grown.Flat());
  EXPECT_EQ(grown.Most(), 70 * kMiB);
}

TEST(MemoryTrendTest, IsFlatUpToATenthOfALargeProcess) {
  MemoryTrend flat;
  MemoryTrend grown;
  for (std::uint64_t i = 0; i <= 100; ++i) {
    flat.Add(1000 * kMiB + 100 * kMiB * i / 100);
    grown.Add(1000 * kMiB + 120 * kMiB * i / 100);
  }
  EXPECT_TRUE(flat.Flat());
  EXPECT_FALSE(grown.Flat());
}

TEST(MemoryTrendTest, IsNotMisledByOneSpike) {
  MemoryTrend trend;
  for (int i = 0; i < 100; ++i) trend.Add(50 * kMiB);
  trend.Add(500 * kMiB);
  EXPECT_TRUE(trend.Flat());
  EXPECT_EQ(trend.Most(), 500 * kMiB);
  EXPECT_EQ(trend.Last(), 50 * kMiB);
}

TEST(MemoryTrendTest, IsFlatWithASingleSample) {
  MemoryTrend trend;
  EXPECT_TRUE(trend.empty());
  trend.Add(kMiB);
  EXPECT_TRUE(trend.Flat());
}

}  // namespace
}  // namespace eldr
