// Receipts: why a request went where it went.
#include <string>

#include "absl/strings/str_cat.h"
#include "core/route/router.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/router_fixture.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class RouterExplainTest : public RouterFixture {
 protected:
  Explanation MustExplain(absl::string_view request_id) {
    auto explanation = router_->Explain(kModel, request_id);
    EXPECT_THAT(explanation, IsOk());
    return explanation.ok() ? *std::move(explanation) : Explanation{};
  }
};

TEST_F(RouterExplainTest, TellsTheDecision) {
  RegisterNodes({"a", "b", "c"});
  ASSERT_THAT(router_->DrainNode("c"), IsOk());
  TestSignature signature = SteadySignature(geometry_, 3);
  SignaturePush push = Push("r", signature.Dense());
  push.prefill_worker = "prefill-7";
  ASSERT_THAT(router_->PushSignature(push), IsOk());
  clock_.Advance(absl::Milliseconds(20));
  const Placement placement = MustPlace("r");
  const Explanation explanation = MustExplain("r");
  const Receipt& receipt = explanation.receipt;
  EXPECT_EQ(receipt.place_time, clock_.Wall());
  EXPECT_EQ(receipt.request_id, "r");
  EXPECT_EQ(receipt.prefill_worker, "prefill-7");
  EXPECT_EQ(receipt.node_id, placement.node.node_id);
  EXPECT_EQ(receipt.lease_id, placement.lease_id);
  EXPECT_EQ(receipt.policy, "residency");
  EXPECT_EQ(receipt.reason, PlacementReason::kPolicy);
  EXPECT_EQ(receipt.signature_quality, SignatureQuality::kFull);
  EXPECT_EQ(receipt.signature_age, absl::Milliseconds(20));
  EXPECT_EQ(receipt.candidate_count, 2u);
  ASSERT_THAT(receipt.candidates, SizeIs(2));
  EXPECT_EQ(receipt.candidates[0].node_id, placement.node.node_id);
  EXPECT_LE(receipt.candidates[0].cost, receipt.candidates[1].cost);
  EXPECT_EQ(receipt.candidates[0].marginal_experts, placement.marginal_experts);
  EXPECT_EQ(receipt.candidates[0].predicted_step_time, placement.predicted_step_time);
  EXPECT_EQ(receipt.ineligible[static_cast<std::size_t>(Ineligible::kDraining)], 1u);
  EXPECT_EQ(explanation.parameters.at("w"), 1.25);
  EXPECT_TRUE(explanation.lease_held);
  MustRelease("r");
  EXPECT_FALSE(MustExplain("r").lease_held);
}

TEST_F(RouterExplainTest, ARenewalKeepsTheReceiptOfTheDecision) {
  RegisterNodes({"a"});
  MustPlace("r");
  const absl::Time decided = clock_.Wall();
  clock_.Advance(absl::Seconds(5));
  MustPlace("r");
  EXPECT_EQ(MustExplain("r").receipt.place_time, decided);
}

TEST_F(RouterExplainTest, NamesAtMostSixteenCandidatesOfAll) {
  StartWithPolicy("random");
  for (int i = 0; i < 40; ++i)
    ASSERT_THAT(router_->RegisterNode(Node(absl::StrCat("n", i))), IsOk());
  MustPlace("r");
  EXPECT_THAT(MustExplain("r").receipt.candidates, SizeIs(16));
  EXPECT_EQ(MustExplain("r").receipt.candidate_count, 40u);
}

TEST_F(RouterExplainTest, WhatIsNoLongerInMemoryIsNotFound) {
  Router::Options options;
  options.receipts = 2;
  Start(options, {});
  RegisterNodes({"a"});
  for (const char* id : {"r1", "r2", "r3"}) MustPlace(id);
  EXPECT_THAT(router_->Explain(kModel, "r1"),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("no placement of \"r1\" is among the last 2")));
  EXPECT_EQ(MustExplain("r3").receipt.request_id, "r3");
}

TEST_F(RouterExplainTest, AFailedPlacementLeavesNoReceipt) {
  EXPECT_THAT(router_->Place(Query("r")), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(router_->Explain(kModel, "r"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(RouterExplainTest, LikeRequestsGatherAndUnlikeOnesSpread) {
  RegisterNodes({"a", "b"});
  TestSignature code = SteadySignature(geometry_, 100, 0), law = SteadySignature(geometry_, 100, 4);
  std::string of_code, of_law;
  for (int i = 0; i < 6; ++i) {
    const std::string id = absl::StrCat("r", i);
    PlacementQuery query = Query(id);
    query.signature = i % 2 == 0 ? code.Dense() : law.Dense();
    absl::StrAppend(i % 2 == 0 ? &of_code : &of_law, MustPlace(query).node.node_id);
  }
  EXPECT_EQ(of_code, std::string(3, of_code[0]));
  EXPECT_EQ(of_law, std::string(3, of_law[0]));
  EXPECT_NE(of_code[0], of_law[0]);
}

}  // namespace
}  // namespace eldr
