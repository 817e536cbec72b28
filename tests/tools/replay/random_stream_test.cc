#include "tools/replay/random_stream.h"

#include <array>

#include "gtest/gtest.h"

namespace eldr::replay {
namespace {

TEST(RandomStreamTest, EqualNamesGiveEqualNumbersAndOthersDoNot) {
  RandomStream a(7, 1), b(7, 1), other_stream(7, 2), other_seed(8, 1);
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t draw = a.Next();
    EXPECT_EQ(draw, b.Next());
    EXPECT_NE(draw, other_stream.Next());
    EXPECT_NE(draw, other_seed.Next());
  }
}

// Recorded numbers of a seed must never change: results that were published depend on them.
TEST(RandomStreamTest, NumbersOfASeedStayWhatTheyAre) {
  EXPECT_EQ(RandomStream(0, 0).Next(), 0x28f9feaebd831d6cu);
  EXPECT_EQ(RandomStream(1, 1).Next(), 0xe220a8397b1dcdafu);
}

TEST(RandomStreamTest, BelowIsEvenAndStaysBelow) {
  RandomStream random(3, 0);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70'000; ++i) ++counts[random.Below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 500);
}

TEST(RandomStreamTest, UniformAndExponentialHaveTheirMeans) {
  RandomStream random(4, 0);
  double uniform = 0, exponential = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double draw = random.Uniform();
    EXPECT_GE(draw, 0);
    EXPECT_LT(draw, 1);
    uniform += draw;
    exponential += random.Exponential();
  }
  EXPECT_NEAR(uniform / 100'000, 0.5, 0.01);
  EXPECT_NEAR(exponential / 100'000, 1.0, 0.02);
}

}  // namespace
}  // namespace eldr::replay
