#include "server/rpc/work_line.h"

#include <atomic>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

#include "core/base/limit_exceeded.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::Duration kMaxWait = absl::Milliseconds(100);

TEST(WorkLineTest, LetsCallersWorkThemselvesUpToItsWidth) {
  FakeClock clock;
  WorkLine line(2, kMaxWait, clock);
  EXPECT_TRUE(line.TryEnter());
  EXPECT_TRUE(line.TryEnter());
  EXPECT_FALSE(line.TryEnter());
  line.Leave();
  EXPECT_TRUE(line.TryEnter());
  line.Leave();
  line.Leave();
}

TEST(WorkLineTest, RunsWhatWaitsInOrderOnceThereIsRoom) {
  FakeClock clock;
  std::vector<int> ran;
  {
    WorkLine line(1, kMaxWait, clock);
    ASSERT_TRUE(line.TryEnter());
    for (int i = 0; i < 3; ++i) {
      ASSERT_THAT(line.Queue([&ran, i] { ran.push_back(i); }), IsOk());
    }
    EXPECT_EQ(line.waiting(), 3u);
    EXPECT_THAT(ran, ElementsAre());
    line.Leave();
  }  // ends when all has run
  EXPECT_THAT(ran, ElementsAre(0, 1, 2));
}

TEST(WorkLineTest, RunsWorkThatFindsNobodyBefore) {
  FakeClock clock;
  WorkLine line(1, kMaxWait, clock);
  std::promise<void> ran;
  ASSERT_THAT(line.Queue([&ran] { ran.set_value(); }), IsOk());
  EXPECT_EQ(ran.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
}

TEST(WorkLineTest, RefusesWhatComesWhileTheFirstHasWaitedTooLong) {
  FakeClock clock;
  bool refused_ran = false;
  std::atomic<int> ran{0};
  {
    WorkLine line(1, kMaxWait, clock);
    ASSERT_TRUE(line.TryEnter());
    ASSERT_THAT(line.Queue([&ran] { ++ran; }), IsOk());
    clock.Advance(kMaxWait);
    ASSERT_THAT(line.Queue([&ran] { ++ran; }), IsOk());
    clock.Advance(absl::Nanoseconds(1));
    const absl::Status status = line.Queue([&refused_ran] { refused_ran = true; });
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted,
                                 HasSubstr("limits.queue_wait: the first of 2 queries")));
    EXPECT_EQ(LimitOf(status), "queue_wait");
    EXPECT_EQ(line.waiting(), 2u);
    line.Leave();
  }
  EXPECT_EQ(ran, 2);
  EXPECT_FALSE(refused_ran);
}

// Many threads, each of which works itself when it may: never more at a time than the width, and
// nothing is lost.
TEST(WorkLineTest, NeverRunsMoreThanItsWidthAndLosesNothing) {
  constexpr int kThreads = 4;
  constexpr int kPieces = 5000;
  constexpr int kWidth = 2;
  FakeClock clock;
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::atomic<int> ran{0};
  const auto work = [&] {
    const int now = ++running;
    int before = most;
    while (before < now && !most.compare_exchange_weak(before, now)) {
    }
    ++ran;
    --running;
  };
  {
    WorkLine line(kWidth, kMaxWait, clock);
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (int piece = 0; piece < kPieces; ++piece) {
          if (line.TryEnter()) {
            work();
            line.Leave();
          } else {
            EXPECT_THAT(line.Queue(work), IsOk());
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(ran, kThreads * kPieces);
  EXPECT_LE(most, kWidth);
}

}  // namespace
}  // namespace eldr
