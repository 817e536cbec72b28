#include "tests/support/fake_clock.h"

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace eldr {
namespace {

TEST(FakeClockTest, StandsStillUntilTold) {
  FakeClock clock;
  const MonotonicTime monotonic = clock.Monotonic();
  const absl::Time wall = clock.Wall();
  EXPECT_EQ(clock.Monotonic(), monotonic);
  EXPECT_EQ(clock.Wall(), wall);

  clock.Advance(absl::Milliseconds(7));
  EXPECT_EQ(clock.Monotonic() - monotonic, absl::Milliseconds(7));
  EXPECT_EQ(clock.Wall() - wall, absl::Milliseconds(7));
}

TEST(FakeClockTest, StepsTheWallClockAlone) {
  FakeClock clock;
  const MonotonicTime monotonic = clock.Monotonic();
  const absl::Time wall = clock.Wall();
  clock.StepWall(-absl::Hours(1));
  EXPECT_EQ(clock.Monotonic(), monotonic);
  EXPECT_EQ(wall - clock.Wall(), absl::Hours(1));
}

}  // namespace
}  // namespace eldr
