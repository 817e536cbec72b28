#include "server/rpc/call_gate.h"

#include <thread>

#include "gtest/gtest.h"

namespace eldr {
namespace {

// A stream that ends as soon as it is asked to.
class TestStream final : public OpenStream {
 public:
  explicit TestStream(CallGate& gate) : gate_(gate) {}
  bool Hold() override { return !finished; }
  void End() override {
    ++ends;
    gate_.LeaveStream(this);
  }

  bool finished = false;
  int ends = 0;

 private:
  CallGate& gate_;
};

TEST(CallGateTest, RefusesCallsOnceItIsClosed) {
  CallGate gate;
  ASSERT_TRUE(gate.Enter());
  gate.Leave();
  gate.Close();
  EXPECT_FALSE(gate.Enter());
  TestStream stream(gate);
  EXPECT_FALSE(gate.EnterStream(&stream));
  EXPECT_TRUE(gate.WaitUntilIdle(absl::ZeroDuration()));
}

TEST(CallGateTest, WaitsForCallsInFlight) {
  CallGate gate;
  ASSERT_TRUE(gate.Enter());
  gate.Close();
  EXPECT_FALSE(gate.WaitUntilIdle(absl::Milliseconds(10)));
  std::thread other([&] { gate.Leave(); });
  EXPECT_TRUE(gate.WaitUntilIdle(absl::Seconds(10)));
  other.join();
}

TEST(CallGateTest, EndsOpenStreamsOnce) {
  CallGate gate;
  TestStream open(gate);
  ASSERT_TRUE(gate.EnterStream(&open));
  TestStream finished(gate);
  ASSERT_TRUE(gate.EnterStream(&finished));
  finished.finished = true;
  gate.Close();
  EXPECT_EQ(open.ends, 1);
  EXPECT_EQ(finished.ends, 0) << "it ends of its own accord";
  EXPECT_FALSE(gate.WaitUntilIdle(absl::ZeroDuration()));
  gate.LeaveStream(&finished);
  EXPECT_TRUE(gate.WaitUntilIdle(absl::ZeroDuration()));
}

}  // namespace
}  // namespace eldr
