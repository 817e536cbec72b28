#include "server/rpc/in_flight_calls.h"

#include <thread>

#include "gtest/gtest.h"

namespace eldr {
namespace {

// A stream that ends as soon as it is asked to.
class TestStream final : public OpenStream {
 public:
  explicit TestStream(InFlightCalls& calls) : calls_(calls) {}
  bool Hold() override { return !finished; }
  void End() override {
    ++ends;
    calls_.LeaveStream(this);
  }

  bool finished = false;
  int ends = 0;

 private:
  InFlightCalls& calls_;
};

TEST(InFlightCallsTest, RefusesCallsOnceItIsClosed) {
  InFlightCalls calls;
  ASSERT_TRUE(calls.Enter());
  calls.Leave();
  calls.Close();
  EXPECT_FALSE(calls.Enter());
  TestStream stream(calls);
  EXPECT_FALSE(calls.EnterStream(&stream));
  EXPECT_TRUE(calls.WaitUntilIdle(absl::ZeroDuration()));
}

TEST(InFlightCallsTest, WaitsForCallsInFlight) {
  InFlightCalls calls;
  ASSERT_TRUE(calls.Enter());
  calls.Close();
  EXPECT_FALSE(calls.WaitUntilIdle(absl::Milliseconds(10)));
  std::thread other([&] { calls.Leave(); });
  EXPECT_TRUE(calls.WaitUntilIdle(absl::Seconds(10)));
  other.join();
}

TEST(InFlightCallsTest, EndsOpenStreamsOnce) {
  InFlightCalls calls;
  TestStream open(calls);
  ASSERT_TRUE(calls.EnterStream(&open));
  TestStream finished(calls);
  ASSERT_TRUE(calls.EnterStream(&finished));
  finished.finished = true;
  calls.Close();
  EXPECT_EQ(open.ends, 1);
  EXPECT_EQ(finished.ends, 0) << "it ends of its own accord";
  EXPECT_FALSE(calls.WaitUntilIdle(absl::ZeroDuration()));
  calls.LeaveStream(&finished);
  EXPECT_TRUE(calls.WaitUntilIdle(absl::ZeroDuration()));
}

}  // namespace
}  // namespace eldr
