#include "tools/fit/calibration_split.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace eldr::fit {
namespace {

std::ptrdiff_t Drawn(const std::vector<bool>& split) {
  return std::count(split.begin(), split.end(), true);
}

TEST(CalibrationSplitTest, DrawsTheShare) {
  EXPECT_EQ(Drawn(DrawCalibration(195, 0.5, 1)), 98);
  EXPECT_EQ(Drawn(DrawCalibration(10, 0, 1)), 0);
  EXPECT_EQ(Drawn(DrawCalibration(10, 1, 1)), 10);
  EXPECT_TRUE(DrawCalibration(0, 0.5, 1).empty());
}

TEST(CalibrationSplitTest, DrawsBySeedAndFromEverywhere) {
  EXPECT_EQ(DrawCalibration(100, 0.5, 7), DrawCalibration(100, 0.5, 7));
  EXPECT_NE(DrawCalibration(100, 0.5, 7), DrawCalibration(100, 0.5, 8));
  std::vector<int> times(20);
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const std::vector<bool> split = DrawCalibration(20, 0.25, seed);
    for (std::size_t i = 0; i < split.size(); ++i) times[i] += split[i];
  }
  for (const int count : times) EXPECT_NEAR(count, 100, 45);  // over five standard deviations
}

}  // namespace
}  // namespace eldr::fit
