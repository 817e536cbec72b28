// Waiting for a signature.
#include <string>

#include "core/route/router.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/router_fixture.h"

namespace eldr {
namespace {

class RouterWaitTest : public RouterFixture {
 protected:
  std::uint64_t Await(absl::string_view request_id) {
    return router_->AwaitSignature(kModel, request_id, [this] { ++arrivals_; });
  }
  void PushOne(absl::string_view request_id) {
    TestSignature signature = SteadySignature(geometry_, 3);
    ASSERT_THAT(router_->PushSignature(Push(request_id, signature.Dense())), IsOk());
  }

  int arrivals_ = 0;
};

TEST_F(RouterWaitTest, ACallbackRunsOnceWhenTheSignatureArrives) {
  EXPECT_NE(Await("r"), 0u);
  PushOne("other");
  EXPECT_EQ(arrivals_, 0);
  PushOne("r");
  EXPECT_EQ(arrivals_, 1);
  PushOne("r");
  EXPECT_EQ(arrivals_, 1);
}

TEST_F(RouterWaitTest, ACallbackMayPlace) {
  RegisterNodes({"a"});
  SignatureQuality quality = SignatureQuality::kMissing;
  ASSERT_NE(
      router_->AwaitSignature(kModel, "r", [&] { quality = MustPlace("r").signature_quality; }),
      0u);
  PushOne("r");
  EXPECT_EQ(quality, SignatureQuality::kFull);
}

TEST_F(RouterWaitTest, ThereIsNothingToWaitForWithASignatureOrALease) {
  RegisterNodes({"a"});
  PushOne("stored");
  EXPECT_EQ(Await("stored"), 0u);
  MustPlace("placed");
  EXPECT_EQ(Await("placed"), 0u);
  PushOne("stored");
  PushOne("placed");
  EXPECT_EQ(arrivals_, 0);
}

TEST_F(RouterWaitTest, ACancelledWaitNeverRuns) {
  const std::uint64_t id = Await("r");
  EXPECT_TRUE(router_->CancelWait(kModel, id));
  EXPECT_FALSE(router_->CancelWait(kModel, id));
  PushOne("r");
  EXPECT_EQ(arrivals_, 0);
}

TEST_F(RouterWaitTest, AWaitThatRanCannotBeCancelled) {
  const std::uint64_t id = Await("r");
  PushOne("r");
  EXPECT_FALSE(router_->CancelWait(kModel, id));
}

TEST_F(RouterWaitTest, ARefusedPushEndsNoWait) {
  ASSERT_NE(Await("r"), 0u);
  TestSignature broken = SteadySignature(geometry_, 3);
  broken.counts[0] = 1;
  EXPECT_THAT(router_->PushSignature(Push("r", broken.Dense())),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(arrivals_, 0);
  PushOne("r");
  EXPECT_EQ(arrivals_, 1);
}

TEST_F(RouterWaitTest, AnExpiredSignatureIsWaitedFor) {
  PushOne("r");
  clock_.Advance(absl::Seconds(60));
  EXPECT_NE(Await("r"), 0u);
}

}  // namespace
}  // namespace eldr
