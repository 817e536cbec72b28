#include "server/base/ticker.h"

#include <atomic>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace eldr {
namespace {

TEST(TickerTest, WorksUntilItIsDestroyed) {
  std::atomic<int> ticks{0};
  absl::Notification third;
  {
    Ticker ticker(absl::Milliseconds(1), [&] {
      if (ticks.fetch_add(1) == 2) third.Notify();
    });
    ASSERT_TRUE(third.WaitForNotificationWithTimeout(absl::Seconds(10)));
  }
  EXPECT_GE(ticks.load(), 3);
}

TEST(TickerTest, EndsWithoutWaitingForItsInterval) {
  const absl::Time start = absl::Now();
  {
    Ticker ticker(absl::Hours(1), [] {});
  }
  EXPECT_LT(absl::Now() - start, absl::Minutes(1));
}

}  // namespace
}  // namespace eldr
