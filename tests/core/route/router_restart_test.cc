// Calls that are repeated after a restart answer as if there had been none.
#include <string>
#include <utility>
#include <vector>

#include "core/route/router.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/router_fixture.h"

namespace eldr {
namespace {

class RouterRestartTest : public RouterFixture {
 protected:
  // A chunk of a prompt of 10 tokens.
  absl::StatusOr<PushResult> Append(std::uint32_t tokens, std::uint32_t append_at) {
    TestSignature chunk = SteadySignature(geometry_, tokens);
    chunk.prompt_tokens = 10;
    SignaturePush push = Push("r", chunk.Dense());
    push.append = true;
    push.append_at = append_at;
    return router_->PushSignature(push);
  }
  // What the router holds goes to a new one, as from a state directory.
  void Restart() {
    const std::vector<std::string> requests = {"r"};
    ModelRecord record = router_->CopyModel(kModel).value();
    const auto contributions = router_->CopyContributions(kModel, requests).value();
    Start({}, {});
    ASSERT_THAT(router_->Restore(std::move(record)), IsOk());
    ASSERT_THAT(router_->RestoreContributions(kModel, contributions), IsOkAndHolds(1u));
  }
};

TEST_F(RouterRestartTest, WhatWasTakenInBeforeIsKnown) {
  RegisterNodes({"a"});
  ASSERT_THAT(Append(4, 0), IsOk());
  ASSERT_THAT(Append(6, 4), IsOk());
  const Placement placed = MustPlace("r");
  const std::vector<float> before = Activation("a");
  Restart();
  for (const auto& [tokens, append_at] : {std::pair{6u, 4u}, {4u, 0u}, {6u, 4u}}) {
    const auto repeated = Append(tokens, append_at);
    ASSERT_THAT(repeated, IsOk());
    EXPECT_EQ(repeated->tokens, 10u) << "from " << append_at;
    EXPECT_TRUE(repeated->updated_lease);
  }
  const Placement again = MustPlace("r");
  EXPECT_EQ(again.lease_id, placed.lease_id);
  EXPECT_EQ(again.reason, PlacementReason::kExistingLease);
  EXPECT_EQ(again.signature_quality, SignatureQuality::kFull);
  EXPECT_EQ(Activation("a"), before);
  EXPECT_EQ(MustRelease("r", placed.lease_id), LeaseOutcome::kDone);
  EXPECT_EQ(MustRelease("r", placed.lease_id), LeaseOutcome::kNotHeld);
}

TEST_F(RouterRestartTest, AChunkWhoseBeginningIsGoneIsRefused) {
  RegisterNodes({"a"});
  ASSERT_THAT(Append(4, 0), IsOk());
  MustPlace("r");
  Restart();
  EXPECT_THAT(Append(6, 4),
              StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::HasSubstr("append")));
  const auto repeated = Append(4, 0);
  ASSERT_THAT(repeated, IsOk());
  EXPECT_EQ(repeated->tokens, 4u);
}

}  // namespace
}  // namespace eldr
