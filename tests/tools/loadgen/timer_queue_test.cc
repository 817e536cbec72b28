#include "tools/loadgen/timer_queue.h"

#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace eldr::loadgen {
namespace {

using ::testing::ElementsAre;

bool Always() { return true; }

TEST(TimerQueueTest, RunsActionsInTheOrderOfTheirTimesAndLeavesTheRest) {
  TimerQueue queue(RealClock());
  const MonotonicTime now = RealClock().Monotonic();
  std::vector<int> ran;
  queue.At(now + absl::Milliseconds(2), [&] { ran.push_back(2); });
  queue.At(now + absl::Hours(1), [&] { ran.push_back(3); });
  queue.At(now, [&] { ran.push_back(1); });
  queue.RunUntil(now + absl::Milliseconds(20), Always);
  EXPECT_THAT(ran, ElementsAre(1, 2));
}

TEST(TimerQueueTest, TakesActionsFromActionsAndFromOtherThreads) {
  TimerQueue queue(RealClock());
  const MonotonicTime now = RealClock().Monotonic();
  bool done = false;
  queue.At(now, [&] {
    queue.At(RealClock().Monotonic(),
             [&] { std::thread([&] { queue.At(now, [&] { done = true; }); }).join(); });
  });
  queue.RunUntil(now + absl::Minutes(1), [&] { return !done; });
  EXPECT_TRUE(done);
  EXPECT_LT(RealClock().Monotonic() - now, absl::Minutes(1));
}

TEST(TimerQueueTest, StopsWhenItIsNotToKeepOn) {
  TimerQueue queue(RealClock());
  const MonotonicTime now = RealClock().Monotonic();
  bool ran = false;
  queue.At(now, [&] { ran = true; });
  queue.RunUntil(now + absl::Minutes(1), [] { return false; });
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace eldr::loadgen
