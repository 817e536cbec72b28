#include "server/rpc/admission_queue.h"

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
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
constexpr auto kPatience = std::chrono::seconds(30);

TEST(AdmissionQueueTest, LetsCallersWorkThemselvesUpToItsWidth) {
  FakeClock clock;
  AdmissionQueue queue(2, kMaxWait, clock);
  const AdmissionQueue::Turn first = queue.TryEnter("m");
  EXPECT_TRUE(first);
  {
    const AdmissionQueue::Turn second = queue.TryEnter("m");
    EXPECT_TRUE(second);
    EXPECT_FALSE(queue.TryEnter("m"));
    EXPECT_FALSE(queue.TryEnter("other")) << "these threads are gRPC's, whatever the model";
  }
  EXPECT_TRUE(queue.TryEnter("m"));
}

TEST(AdmissionQueueTest, RunsWhatWaitsInOrderOnceThereIsRoom) {
  FakeClock clock;
  std::vector<int> ran;
  {
    AdmissionQueue queue(1, kMaxWait, clock);
    const AdmissionQueue::Turn turn = queue.TryEnter("m");
    ASSERT_TRUE(turn);
    for (int i = 0; i < 3; ++i) {
      ASSERT_THAT(queue.Queue("m", [&ran, i] { ran.push_back(i); }), IsOk());
    }
    EXPECT_EQ(queue.waiting(), 3u);
    EXPECT_FALSE(queue.TryEnter("m"));
    EXPECT_THAT(ran, ElementsAre());
  }  // the turn goes first; the queue ends when all has run
  EXPECT_THAT(ran, ElementsAre(0, 1, 2));
}

TEST(AdmissionQueueTest, RunsWorkThatFindsNobodyBefore) {
  FakeClock clock;
  AdmissionQueue queue(1, kMaxWait, clock);
  std::promise<void> ran;
  ASSERT_THAT(queue.Queue("m", [&ran] { ran.set_value(); }), IsOk());
  EXPECT_EQ(ran.get_future().wait_for(kPatience), std::future_status::ready);
}

// A piece of one model that hangs, on the queue's thread or on a caller's own.
TEST(AdmissionQueueTest, AModelThatIsSlowKeepsNoOtherWaiting) {
  FakeClock clock;
  for (const bool on_caller : {false, true}) {
    std::promise<void> let_go;
    const std::shared_future<void> wait = let_go.get_future().share();
    std::atomic<int> slow_ran{0};
    AdmissionQueue queue(1, kMaxWait, clock);
    std::promise<void> begun;
    std::thread caller([&] {
      const auto slow = [&] {
        begun.set_value();
        wait.wait();
      };
      if (on_caller) {
        const AdmissionQueue::Turn turn = queue.TryEnter("slow");
        ASSERT_TRUE(turn);
        slow();
      } else {
        ASSERT_THAT(queue.Queue("slow", slow), IsOk());
      }
    });
    begun.get_future().wait();
    ASSERT_THAT(queue.Queue("slow", [&] { ++slow_ran; }), IsOk());
    for (const char* const model : {"a", "b", "c"}) {
      std::promise<void> ran;
      ASSERT_THAT(queue.Queue(model, [&ran] { ran.set_value(); }), IsOk());
      EXPECT_EQ(ran.get_future().wait_for(kPatience), std::future_status::ready) << model;
    }
    EXPECT_EQ(slow_ran, 0) << "its own work waits for its turn";
    let_go.set_value();
    caller.join();
  }
}

TEST(AdmissionQueueTest, RefusesWhatComesWhileTheFirstOfItsModelHasWaitedTooLong) {
  FakeClock clock;
  bool refused_ran = false;
  std::atomic<int> ran{0};
  {
    AdmissionQueue queue(1, kMaxWait, clock);
    const AdmissionQueue::Turn turn = queue.TryEnter("m");
    ASSERT_TRUE(turn);
    ASSERT_THAT(queue.Queue("m", [&ran] { ++ran; }), IsOk());
    clock.Advance(kMaxWait);
    ASSERT_THAT(queue.Queue("m", [&ran] { ++ran; }), IsOk());
    clock.Advance(absl::Nanoseconds(1));
    const absl::Status status = queue.Queue("m", [&refused_ran] { refused_ran = true; });
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted,
                                 HasSubstr("limits.queue_wait: the first of 2 queries")));
    EXPECT_EQ(LimitOf(status), "queue_wait");
    EXPECT_EQ(queue.waiting(), 2u);
    EXPECT_THAT(queue.Queue("other", [&ran] { ++ran; }), IsOk());
  }
  EXPECT_EQ(ran, 3);
  EXPECT_FALSE(refused_ran);
}

// Many threads and models; who may works itself. Of one model never more at a time than the width,
// in all not more than one of each beyond it, and nothing is lost.
TEST(AdmissionQueueTest, NeverRunsMoreThanItMayAndLosesNothing) {
  constexpr int kThreads = 4;
  constexpr int kPieces = 5000;
  constexpr int kWidth = 2;
  constexpr int kModels = 3;
  struct Count {
    std::atomic<int> running{0};
    std::atomic<int> most{0};
    void Enter() {
      const int now = ++running;
      int before = most;
      while (before < now && !most.compare_exchange_weak(before, now)) {
      }
    }
  };
  FakeClock clock;
  Count all;
  Count each[kModels];
  std::atomic<int> ran{0};
  const auto work = [&](int model) {
    all.Enter();
    each[model].Enter();
    ++ran;
    --each[model].running;
    --all.running;
  };
  {
    AdmissionQueue queue(kWidth, kMaxWait, clock);
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        for (int piece = 0; piece < kPieces; ++piece) {
          const int model = (piece + i) % kModels;
          const std::string name = absl::StrCat("m", model);
          if (const AdmissionQueue::Turn turn = queue.TryEnter(name)) {
            work(model);
          } else {
            EXPECT_THAT(queue.Queue(name, [&work, model] { work(model); }), IsOk());
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(ran, kThreads * kPieces);
  for (const Count& model : each) EXPECT_LE(model.most, kWidth);
  EXPECT_LE(all.most, kWidth + kModels);
}

TEST(AdmissionQueueTest, ItsEndWaitsForATurnThatIsHeldAndRunsWhatWaitsForIt) {
  FakeClock clock;
  std::atomic<bool> given_back{false};
  std::atomic<bool> ran{false};
  std::thread holder;
  {
    AdmissionQueue queue(1, kMaxWait, clock);
    std::promise<void> held;
    holder = std::thread([&] {
      const AdmissionQueue::Turn turn = queue.TryEnter("m");
      EXPECT_TRUE(turn);
      held.set_value();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the end begins meanwhile
      given_back = true;
    });
    held.get_future().wait();
    ASSERT_THAT(queue.Queue("m", [&] { ran = true; }), IsOk());
  }
  EXPECT_TRUE(given_back);
  EXPECT_TRUE(ran);
  holder.join();
}

TEST(AdmissionQueueTest, TakesHalfOfTheProcessorsButNeverNone) {
  EXPECT_EQ(AdmissionQueueWidth(0.5), 1u);
  EXPECT_EQ(AdmissionQueueWidth(2), 1u);
  EXPECT_EQ(AdmissionQueueWidth(5.5), 2u);
  EXPECT_EQ(AdmissionQueueWidth(64), 32u);
}

}  // namespace
}  // namespace eldr
