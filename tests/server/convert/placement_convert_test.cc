#include "server/convert/placement_convert.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::PlaceRequest QueryThatWaits(absl::Duration wait) {
  v1::PlaceRequest request;
  request.mutable_signature_wait()->set_nanos(
      static_cast<std::int32_t>(absl::ToInt64Nanoseconds(wait)));
  return request;
}

TEST(PlacementConvertTest, AQueryBorrowsItsIds) {
  v1::PlaceRequest request;
  request.set_model("m");
  request.set_request_id("r");
  request.add_prefer_nodes("a");
  request.add_exclude_nodes("b");
  request.add_exclude_nodes("c");
  request.set_context_tokens(5);
  request.set_max_output_tokens(6);
  request.mutable_lease_ttl()->set_seconds(7);
  const auto query = FromProto(request);
  ASSERT_THAT(query, IsOk());
  EXPECT_EQ(query->model.data(), request.model().data());
  EXPECT_EQ(query->request_id, "r");
  ASSERT_EQ(query->prefer_nodes.size(), 1u);
  EXPECT_EQ(query->prefer_nodes[0], &request.prefer_nodes(0));
  EXPECT_TRUE(query->allow_nodes.empty());
  EXPECT_EQ(*query->exclude_nodes[1], "c");
  EXPECT_EQ(query->context_tokens, 5u);
  EXPECT_EQ(query->max_output_tokens, 6u);
  EXPECT_EQ(query->lease_ttl, absl::Seconds(7));
  EXPECT_FALSE(query->signature.has_value());
}

TEST(PlacementConvertTest, NoSequencesMeansOne) {
  EXPECT_EQ(FromProto(v1::PlaceRequest())->sequences, 1u);
}

TEST(PlacementConvertTest, SignatureWaitIsBounded) {
  EXPECT_THAT(SignatureWaitOf(v1::PlaceRequest()), IsOkAndHolds(absl::ZeroDuration()));
  EXPECT_THAT(SignatureWaitOf(QueryThatWaits(absl::Milliseconds(50))),
              IsOkAndHolds(absl::Milliseconds(50)));
  EXPECT_THAT(
      SignatureWaitOf(QueryThatWaits(absl::Milliseconds(51))),
      StatusIs(absl::StatusCode::kInvalidArgument, "signature_wait: got 51ms, expected 0 to 50ms"));
  EXPECT_THAT(SignatureWaitOf(QueryThatWaits(-absl::Nanoseconds(1))),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("signature_wait: got -1ns")));
}

TEST(PlacementConvertTest, AQueryThatBringsItsSignatureDoesNotWait) {
  v1::PlaceRequest request = QueryThatWaits(absl::Milliseconds(50));
  request.mutable_signature();
  EXPECT_THAT(SignatureWaitOf(request), IsOkAndHolds(absl::ZeroDuration()));
}

TEST(PlacementConvertTest, AQueryThatBringsBlocksDoesNotWait) {
  v1::PlaceRequest request = QueryThatWaits(absl::Milliseconds(50));
  request.mutable_blocks();
  EXPECT_THAT(SignatureWaitOf(request), IsOkAndHolds(absl::ZeroDuration()));
}

TEST(PlacementConvertTest, PushesAndQueriesMayNameBlocks) {
  v1::PushSignatureRequest push;
  push.set_prefill_worker("p0");
  push.mutable_blocks()->add_hashes("a");
  push.mutable_blocks()->add_hashes(std::string("\0b", 2));
  push.mutable_blocks()->set_prompt_tokens(9);
  const auto pushed = FromProto(push);
  ASSERT_THAT(pushed, IsOk());
  EXPECT_FALSE(pushed->signature.has_value());
  ASSERT_TRUE(pushed->blocks.has_value());
  EXPECT_THAT(pushed->blocks->hashes, ElementsAre("a", std::string("\0b", 2)));
  EXPECT_EQ(pushed->blocks->prompt_tokens, 9u);

  v1::PlaceRequest query;
  query.set_prefill_worker("p0");
  *query.mutable_blocks() = push.blocks();
  const auto queried = FromProto(query);
  ASSERT_THAT(queried, IsOk());
  EXPECT_EQ(queried->prefill_worker, "p0");
  ASSERT_TRUE(queried->blocks.has_value());
  EXPECT_EQ(queried->blocks->hashes, pushed->blocks->hashes);
  EXPECT_FALSE(FromProto(v1::PlaceRequest())->blocks.has_value());
}

TEST(PlacementConvertTest, AnUpdateOfBlocksNamesABadElement) {
  v1::UpdateBlocksRequest request;
  request.add_removed("gone");
  request.add_stored()->mutable_signature()->set_tokens(3);
  request.add_stored()->set_hash("b");
  EXPECT_THAT(FromProto(request),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "stored[1].signature: got none, expected an ExpertSignature"));
  request.mutable_stored(1)->mutable_signature()->mutable_dense();
  EXPECT_THAT(FromProto(request), StatusIs(absl::StatusCode::kInvalidArgument,
                                           HasSubstr("stored[1].signature.dense.encoding")));
  request.mutable_stored()->RemoveLast();
  const auto update = FromProto(request);
  ASSERT_THAT(update, IsOk());
  EXPECT_EQ(*update->removed[0], "gone");
  EXPECT_EQ(update->stored[0].signature.tokens, 3u);
  for (int i = 0; i < 10'000; ++i) request.add_removed("more");
  EXPECT_THAT(FromProto(request), StatusIs(absl::StatusCode::kInvalidArgument,
                                           "removed: got 10001 elements, expected at most 10000"));
}

TEST(PlacementConvertTest, APlacementIsAnsweredInFull) {
  Placement placement;
  placement.node = {.node_id = "a", .address = "a:1", .dp_rank = 3};
  placement.lease_id = 4;
  placement.lease_ttl = absl::Minutes(10);
  placement.policy = "residency";
  placement.reason = PlacementReason::kPanicMode;
  placement.signature_quality = SignatureQuality::kPartial;
  placement.load_basis = LoadBasis::kReported;
  placement.fallbacks = {{.node_id = "b", .address = "b:1", .dp_rank = std::nullopt}};
  placement.marginal_experts = 1.5;
  placement.predicted_step_time = absl::Milliseconds(9);
  v1::PlaceResponse response;
  ToProto(placement, &response);
  EXPECT_EQ(response.node().node_id(), "a");
  EXPECT_EQ(response.node().address(), "a:1");
  EXPECT_EQ(response.node().dp_rank(), 3u);
  EXPECT_EQ(response.lease_id(), 4u);
  EXPECT_EQ(response.lease_ttl().seconds(), 600);
  EXPECT_EQ(response.policy(), "residency");
  EXPECT_EQ(response.reason(), v1::PLACEMENT_REASON_PANIC_MODE);
  EXPECT_EQ(response.signature_quality(), v1::SIGNATURE_QUALITY_PARTIAL);
  EXPECT_EQ(response.load_basis(), v1::LOAD_BASIS_REPORTED);
  ASSERT_EQ(response.fallbacks_size(), 1);
  EXPECT_EQ(response.fallbacks(0).node_id(), "b");
  EXPECT_FALSE(response.fallbacks(0).has_dp_rank());
  EXPECT_EQ(response.marginal_experts(), 1.5);
  EXPECT_EQ(response.predicted_step_time().nanos(), 9'000'000);
}

TEST(PlacementConvertTest, AnExplanationListsOnlyCausesThatApplied) {
  Explanation explanation;
  explanation.receipt.node_id = "a";
  explanation.receipt.candidates = {{.node_id = "a",
                                     .load = 2,
                                     .expected_experts = 3,
                                     .marginal_experts = 1,
                                     .predicted_step_time = absl::Milliseconds(5),
                                     .cost = 0.5,
                                     .step_time = {.base = 0.004, .slowness = 1.5}}};
  explanation.receipt.candidate_count = 1;
  explanation.receipt.ineligible[static_cast<std::size_t>(Ineligible::kLost)] = 2;
  explanation.receipt.shadow = {"random", "b", 0.75, 0.5};
  explanation.parameters = {{"kappa", 4}};
  explanation.lease_held = true;
  v1::ExplainPlacementResponse response;
  ToProto(explanation, &response);
  ASSERT_EQ(response.ineligible_size(), 1);
  EXPECT_EQ(response.ineligible(0).reason(), v1::INELIGIBLE_REASON_LOST);
  EXPECT_EQ(response.ineligible(0).nodes(), 2u);
  EXPECT_FALSE(response.has_signature_age());
  EXPECT_EQ(response.candidates(0).cost(), 0.5);
  EXPECT_EQ(response.candidates(0).step_time().base(), 0.004);
  EXPECT_EQ(response.candidates(0).step_time().slowness(), 1.5);
  EXPECT_EQ(response.shadow().policy(), "random");
  EXPECT_EQ(response.shadow().node_id(), "b");
  EXPECT_EQ(response.shadow().cost_difference(), 0.25);
  EXPECT_EQ(response.parameters().at("kappa"), 4);
  EXPECT_TRUE(response.lease_held());
}

}  // namespace
}  // namespace eldr
