// Whatever a client does to a call, and whenever: the daemon lives, and lets go of the call.
//
// Longer, where memory errors show:
//   cmake --preset asan && cmake --build --preset asan --target server_reactor_test
//   ELDR_REACTOR_CALLS=100000 build/asan/tests/server/server_reactor_test
#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/server/rpc/raw_http2.h"
#include "tests/server/rpc/reactor_lives.h"
#include "tests/server/secured_daemon.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::AnyOf;
using Code = absl::StatusCode;

unsigned Seed() { return static_cast<unsigned>(::testing::UnitTest::GetInstance()->random_seed()); }

class ReactorTest : public SecuredDaemonTest {
 protected:
  void Start(const Config& config) {
    StartDaemon(config);
    DeclareTestModel();
    RegisterTestNode("a");
  }
  int port() const { return daemon_->grpc_addresses().front().port; }

  // The daemon serves, and what it counts as held is given back.
  void ExpectAtRest() {
    EXPECT_TRUE(Eventually([this] { return Metric("eldr_calls_in_flight") == 0; }))
        << Metric("eldr_calls_in_flight") << " calls are held";
    EXPECT_NE(Get("/readyz"), "");
  }
};

// Makes calls until each of `codes` was an answer: how many of `calls` live that long is up to the
// machine, so a busy one may take some rounds.
void RunUntilAnswered(ReactorLives& lives, std::size_t calls, const std::vector<Code>& codes) {
  for (int round = 0; round < 50; ++round) {
    lives.Run(calls);
    if (std::all_of(codes.begin(), codes.end(),
                    [&](Code code) { return lives.answered().contains(code); })) {
      return;
    }
  }
  for (const Code code : codes) {
    EXPECT_TRUE(lives.answered().contains(code)) << "never answered with " << code;
  }
}

TEST_F(ReactorTest, EveryCallEndsHoweverItsClientEndsIt) {
  Start(TestConfig());
  ReactorLives lives(port(), Seed());
  RunUntilAnswered(lives, ReactorCalls() / 2,
                   {Code::kOk, Code::kDeadlineExceeded, Code::kInvalidArgument});
  ExpectAtRest();
  EXPECT_THAT(FromGrpc(Place("after")), IsOk());
}

TEST_F(ReactorTest, SoDoTheCallsOfThoseWhoMayNot) {
  StartDaemon(WithTokens(TestConfig()));
  ReactorLives lives(port(), Seed());
  RunUntilAnswered(lives, ReactorCalls() / 8, {Code::kUnauthenticated});
  ExpectAtRest();
  EXPECT_EQ(lives.answered().count(Code::kOk), 0u);
}

TEST_F(ReactorTest, SoDoThoseWithAToken) {
  Config config = WithTokens(TestConfig());
  config.models = {{.name = kModel, .geometry = {2, 4, 2, {}}, .settings = {}}};
  StartDaemon(config);
  ReactorLives lives(port(), Seed(),
                     {{"authorization", absl::StrCat("Bearer ", TokenOf(Role::kAdmin))}});
  RunUntilAnswered(lives, ReactorCalls() / 4, {Code::kOk});
  ExpectAtRest();
  EXPECT_EQ(lives.answered().count(Code::kUnauthenticated), 0u);
}

TEST_F(ReactorTest, SoDoThoseBeyondALimit) {
  Config config = TestConfig();
  config.limits = {.calls = 2, .streams = 2, .waits = 1, .waits_per_peer = 1};
  Start(config);
  ReactorLives lives(port(), Seed());
  RunUntilAnswered(lives, ReactorCalls() / 8, {Code::kResourceExhausted});
  ExpectAtRest();
  EXPECT_TRUE(Eventually([this] { return Place("after").ok(); }));
}

// Then answers wait for the disk, and calls end meanwhile.
TEST_F(ReactorTest, SoDoThoseWhoseAnswersWaitForTheDisk) {
  Config config = TestConfig();
  config.state.directory = dir_.path();
  config.state.sync = "always";
  Start(config);
  ReactorLives lives(port(), Seed());
  lives.Run(ReactorCalls() / 8);
  ExpectAtRest();
  EXPECT_THAT(FromGrpc(Place("after")), IsOk());
}

TEST_F(ReactorTest, SoDoThoseThatMeetAShutdown) {
  constexpr std::size_t kCallsEach = 60;
  Config config = TestConfig();
  for (std::size_t round = 0; round < std::max<std::size_t>(ReactorCalls() / 8 / kCallsEach, 1);
       ++round) {
    // Calls that outlast it are cancelled.
    config.drain_timeout = absl::Milliseconds(round % 3 * 10);
    Start(config);
    ReactorLives lives(port(), Seed() + static_cast<unsigned>(round));
    std::atomic<bool> begun{false};
    std::thread client([&] {
      lives.Run(kCallsEach / 4);
      begun = true;
      lives.Run(kCallsEach);
    });
    while (!begun) std::this_thread::yield();
    daemon_.reset();
    client.join();
  }
}

// The shortest way to calls that are refused and cancelled: so many in one write that the deadlines
// of some pass before they are looked at, and of others meanwhile.
TEST_F(ReactorTest, PlacementsThatWaitMayBeTooLateOrCancelledAtAnyMoment) {
  Start(TestConfig());
  v1::PlaceRequest waiting = TestQuery("r");
  waiting.mutable_signature_wait()->set_nanos(50'000'000);
  const std::string frame = GrpcFrame(waiting.SerializeAsString());
  for (const int microseconds : {1, 20, 50, 100, 300, 700, 1500, 4000}) {
    RawHttp2 client(port());
    std::uint32_t stream = 0;
    for (int i = 0; i < 50; ++i) {
      stream = client.Open("/eldr.v1.PlacementService/Place", absl::StrCat(microseconds, "u"));
      client.Data(stream, frame, /*end=*/true);
    }
    ASSERT_TRUE(client.Flush());
    ASSERT_TRUE(client.ReadUntil([&] { return client.Done(stream); })) << microseconds;
    // gRPC's own deadline, or ours.
    EXPECT_THAT(client.answer(stream).status().code(),
                AnyOf(Code::kDeadlineExceeded, Code::kCancelled));
  }
  ExpectAtRest();
  EXPECT_EQ(Describe().leases(), 0u) << "nobody waits for an answer";
}

// A call that is refused is finished at once, and may be cancelled after that.
TEST_F(ReactorTest, EveryMethodMayBeCancelledOnceItIsRefused) {
  StartDaemon(WithTokens(TestConfig()));
  for (const ServiceMethod& method : AllMethods()) {
    RawHttp2 client(port());
    for (int i = 0; i < 50; ++i) {
      const auto stream = client.Open(method.path);
      client.Data(stream, GrpcFrame(method.requests.back()), /*end=*/!method.client_streams);
      client.Reset(stream);
    }
    ASSERT_TRUE(client.Flush());
  }
  ExpectAtRest();
}

}  // namespace
}  // namespace eldr
