#include "server/service/signature_wait.h"

#include <thread>

#include "absl/synchronization/notification.h"
#include "core/route/router_observer.h"
#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

constexpr absl::Duration kLong = absl::Minutes(10);

class SignatureWaitTest : public ::testing::Test {
 protected:
  SignatureWaitTest() {
    router_ = *Router::Create({}, clock_, observer_);
    EXPECT_THAT(router_->DeclareModel(
                    {.name = "m",
                     .geometry = {.layers = 2, .experts = 4, .top_k = 2, .moe_hidden_layers = {}},
                     .settings = {}}),
                IsOk());
  }

  void Push(absl::string_view request_id) {
    SignaturePush push;
    push.model = "m";
    push.request_id = request_id;
    push.signature = {
        .tokens = 3,
        .prompt_tokens = std::nullopt,
        .counts = SignatureData::Dense{.width = CountWidth::k8,
                                       .bytes = absl::string_view("\3\3\0\0\3\3\0\0", 8)}};
    EXPECT_THAT(router_->PushSignature(push), IsOk());
  }

  std::shared_ptr<SignatureWait> Wait(absl::string_view request_id, absl::Duration wait) {
    return SignatureWait::Start(*router_, "m", request_id, wait, [this] {
      ++calls_;
      done_.Notify();
    });
  }
  bool Done() { return done_.WaitForNotificationWithTimeout(absl::Seconds(10)); }

  FakeClock clock_;
  RouterObserver observer_;
  std::unique_ptr<Router> router_;
  std::atomic<int> calls_{0};
  absl::Notification done_;
};

TEST_F(SignatureWaitTest, EndsWhenTheSignatureArrives) {
  const auto wait = Wait("r", kLong);
  EXPECT_EQ(calls_, 0);
  Push("other");
  EXPECT_EQ(calls_, 0);
  Push("r");
  EXPECT_EQ(calls_, 1) << "on the thread that pushes";
  EXPECT_FALSE(wait->Cancel());
}

TEST_F(SignatureWaitTest, EndsWhenTheTimeIsOver) {
  const auto wait = Wait("r", absl::Milliseconds(1));
  ASSERT_TRUE(Done());
  Push("r");
  EXPECT_EQ(calls_, 1);
  EXPECT_FALSE(wait->Cancel());
}

TEST_F(SignatureWaitTest, EndsAtOnceIfTheSignatureIsThere) {
  Push("r");
  Wait("r", kLong);
  EXPECT_EQ(calls_, 1);
}

TEST_F(SignatureWaitTest, NeverCallsOnceCancelled) {
  const auto wait = Wait("r", kLong);
  EXPECT_TRUE(wait->Cancel());
  EXPECT_FALSE(wait->Cancel());
  Push("r");
  EXPECT_EQ(calls_, 0);
}

TEST_F(SignatureWaitTest, IsFreedHoweverItEnds) {
  std::weak_ptr<SignatureWait> arrived = Wait("a", kLong);
  Push("a");
  const auto freed = [](const std::weak_ptr<SignatureWait>& wait) {
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    while (!wait.expired() && absl::Now() < deadline) std::this_thread::yield();
    return wait.expired();
  };
  EXPECT_TRUE(freed(arrived));

  std::weak_ptr<SignatureWait> cancelled;
  {
    const auto wait = SignatureWait::Start(*router_, "m", "b", kLong, [] {});
    cancelled = wait;
    wait->Cancel();
  }
  EXPECT_TRUE(freed(cancelled));

  std::weak_ptr<SignatureWait> elapsed =
      SignatureWait::Start(*router_, "m", "c", absl::Milliseconds(1), [] {});
  EXPECT_TRUE(freed(elapsed));
}

// Arrival, time and cancellation at once: exactly one of them ends each wait.
TEST_F(SignatureWaitTest, EndsExactlyOnceWhenAllRace) {
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> ends{0};
    const std::string request = std::to_string(round);
    auto wait = SignatureWait::Start(*router_, "m", request, absl::Microseconds(round),
                                     [&ends] { ++ends; });
    std::thread pusher([&] { Push(request); });
    const bool cancelled = wait->Cancel();
    pusher.join();
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    while (!cancelled && ends == 0 && absl::Now() < deadline) std::this_thread::yield();
    EXPECT_EQ(ends, cancelled ? 0 : 1);
    // The alarm may still run; it holds what it needs.
  }
}

}  // namespace
}  // namespace eldr
