#include "server/rpc/call_limits.h"

#include <utility>

#include "core/base/limit_exceeded.h"
#include "gmock/gmock.h"
#include "server/base/peer.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

CallLimitsConfig Small() {
  return {.calls = 2,
          .streams = 3,
          .streams_per_peer = 2,
          .waits = 3,
          .waits_per_peer = 2,
          .wait_bytes = 1000,
          .answer_bytes = 500};
}

TEST(CallLimitsTest, WhatIsTakenIsGivenBackOnce) {
  CallLimits limits(Small());
  {
    auto first = limits.EnterCall();
    auto second = limits.EnterCall();
    ASSERT_THAT(first, IsOk());
    ASSERT_THAT(second, IsOk());
    CallLimits::Hold moved = *std::move(first);
    EXPECT_EQ(limits.counts().calls, 2u);
    const auto third = limits.EnterCall();
    EXPECT_THAT(third, StatusIs(Code::kResourceExhausted, HasSubstr("limits.calls: 2 ")));
    EXPECT_EQ(LimitOf(third.status()), "calls");
    EXPECT_EQ(limits.counts().calls, 2u) << "a refusal takes nothing";
  }
  EXPECT_EQ(limits.counts().calls, 0u);
  EXPECT_THAT(limits.EnterCall(), IsOk());
}

TEST(CallLimitsTest, OneClientCannotTakeAllStreams) {
  CallLimits limits(Small());
  const auto a1 = limits.EnterStream("a");
  auto a2 = limits.EnterStream("a");
  EXPECT_THAT(limits.EnterStream("a"),
              StatusIs(Code::kResourceExhausted,
                       AllOf(HasSubstr("limits.streams_per_peer: 2 "), HasSubstr("of a"))));
  const auto b1 = limits.EnterStream("b");
  EXPECT_THAT(b1, IsOk());
  EXPECT_THAT(limits.EnterStream("c"),
              StatusIs(Code::kResourceExhausted, HasSubstr("limits.streams: 3 ")));
  *a2 = CallLimits::Hold();
  EXPECT_THAT(limits.EnterStream("a"), IsOk());
}

TEST(CallLimitsTest, WaitsAreBoundedInNumberAndInBytes) {
  CallLimits limits(Small());
  const auto first = limits.EnterWait("a", 900);
  EXPECT_THAT(limits.EnterWait("a", 101),
              StatusIs(Code::kResourceExhausted, HasSubstr("limits.wait_bytes: 1000 ")));
  const auto second = limits.EnterWait("a", 100);
  EXPECT_THAT(limits.EnterWait("a", 0),
              StatusIs(Code::kResourceExhausted, HasSubstr("limits.waits_per_peer: 2 ")));
  const auto third = limits.EnterWait("b", 0);
  EXPECT_THAT(limits.EnterWait("c", 0),
              StatusIs(Code::kResourceExhausted, HasSubstr("limits.waits: 3 ")));
}

TEST(CallLimitsTest, AnswersAreBoundedInBytesUntilTheyAreRead) {
  CallLimits limits(Small());
  auto first = limits.EnterAnswer(400);
  EXPECT_THAT(limits.EnterAnswer(101),
              StatusIs(Code::kResourceExhausted, HasSubstr("limits.answer_bytes: 500 ")));
  const auto second = limits.EnterAnswer(100);
  EXPECT_THAT(second, IsOk());
  *first = CallLimits::Hold();
  EXPECT_EQ(limits.counts().answer_bytes, 100u);
}

TEST(CallLimitsTest, ForgetsClientsThatHoldNothing) {
  CallLimits limits(Small());
  for (int i = 0; i < 1000; ++i) {
    const std::string peer = "10.0.0." + std::to_string(i);
    const auto stream = limits.EnterStream(peer);
    const auto wait = limits.EnterWait(peer, 10);
    ASSERT_THAT(stream, IsOk());
    ASSERT_THAT(wait, IsOk());
    EXPECT_EQ(limits.counts().peers, 1u);
  }
  const CallLimits::Counts counts = limits.counts();
  EXPECT_EQ(counts.peers, 0u);
  EXPECT_EQ(counts.streams + counts.waits + counts.wait_bytes, 0u);
}

TEST(PeerTest, AClientIsItsAddressWithoutThePort) {
  EXPECT_EQ(PeerHost("ipv4:10.0.0.7:4711"), "10.0.0.7");
  EXPECT_EQ(PeerHost("ipv6:%5B::1%5D:4711"), "[::1]");
  EXPECT_EQ(PeerHost("ipv6:[fe80::1]:4711"), "[fe80::1]");
  EXPECT_EQ(PeerHost("unix:/run/eldrd.sock"), "unix");
  EXPECT_EQ(PeerHost("unix:"), "unix");
  EXPECT_EQ(PeerHost("odd"), "odd");
}

}  // namespace
}  // namespace eldr
