// Signatures: before the placement, in it, and after it.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/route/router.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/router_fixture.h"

namespace eldr {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class RouterSignatureTest : public RouterFixture {
 protected:
  // Pushes a chunk that is appended.
  absl::StatusOr<PushResult> Append(absl::string_view request_id, TestSignature chunk,
                                    std::optional<std::uint32_t> append_at = {}) {
    SignaturePush push = Push(request_id, chunk.Dense());
    push.append = true;
    push.append_at = append_at;
    return router_->PushSignature(push);
  }
  absl::StatusOr<PushResult> PushWhole(absl::string_view request_id, TestSignature signature) {
    return router_->PushSignature(Push(request_id, signature.Dense()));
  }
  // Part of a prompt of 10 tokens.
  TestSignature Part(std::uint32_t tokens, std::uint32_t first_expert = 0) {
    TestSignature part = SteadySignature(geometry_, tokens, first_expert);
    part.prompt_tokens = 10;
    return part;
  }
  // The activation of a fresh node that holds one request placed with this signature.
  std::vector<float> ActivationOf(TestSignature signature) {
    FakeClock clock;
    NotingObserver observer;
    auto router = Router::Create({}, clock, observer).value();
    EXPECT_THAT(router->DeclareModel({std::string(kModel), geometry_, {}}), IsOk());
    EXPECT_THAT(router->RegisterNode(Node("x")), IsOk());
    PlacementQuery query = Query("r");
    query.signature = signature.Dense(CountWidth::k32);
    EXPECT_THAT(router->Place(query), IsOk());
    return router->GetResidency("x")->activation;
  }
};

TEST_F(RouterSignatureTest, APushedSignatureDecidesAndIsUsedUp) {
  RegisterNodes({"a"});
  ASSERT_THAT(PushWhole("r", SteadySignature(geometry_, 5)), IsOk());
  clock_.Advance(absl::Milliseconds(30));
  const Placement placement = MustPlace("r");
  EXPECT_EQ(placement.signature_quality, SignatureQuality::kFull);
  EXPECT_EQ(placement.signature_age, absl::Milliseconds(30));
  EXPECT_EQ(Activation("a"), ActivationOf(SteadySignature(geometry_, 5)));
  EXPECT_EQ(Description().stored_signatures, 0u);
}

TEST_F(RouterSignatureTest, OneInTheQuerySavesThePushAndReplacesAStoredOne) {
  RegisterNodes({"a"});
  ASSERT_THAT(PushWhole("r", SteadySignature(geometry_, 5, 4)), IsOk());
  TestSignature signature = SteadySignature(geometry_, 5, 0);
  PlacementQuery query = Query("r");
  query.signature = signature.Sparse();
  const Placement placement = MustPlace(query);
  EXPECT_EQ(placement.signature_quality, SignatureQuality::kFull);
  EXPECT_EQ(placement.signature_age, absl::ZeroDuration());
  EXPECT_EQ(Activation("a"), ActivationOf(signature));
  EXPECT_EQ(Description().stored_signatures, 0u);
}

TEST_F(RouterSignatureTest, APushReplacesTheOneBefore) {
  RegisterNodes({"a"});
  ASSERT_THAT(PushWhole("r", SteadySignature(geometry_, 50, 4)), IsOk());
  const auto result = PushWhole("r", SteadySignature(geometry_, 5, 0));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->tokens, 5u);
  EXPECT_FALSE(result->updated_lease);
  MustPlace("r");
  EXPECT_EQ(Activation("a"), ActivationOf(SteadySignature(geometry_, 5, 0)));
}

TEST_F(RouterSignatureTest, ALateOneReplacesWhatTheLeaseAddsAndTheNodeStays) {
  RegisterNodes({"a", "b", "c"});
  const Placement placement = MustPlace("r");
  EXPECT_EQ(placement.signature_quality, SignatureQuality::kMissing);
  const auto result = PushWhole("r", SteadySignature(geometry_, 5));
  ASSERT_THAT(result, IsOk());
  EXPECT_TRUE(result->updated_lease);
  EXPECT_EQ(result->quality, SignatureQuality::kFull);
  EXPECT_EQ(Activation(placement.node.node_id), ActivationOf(SteadySignature(geometry_, 5)));
  EXPECT_EQ(Status(placement.node.node_id).leases, 1u);
  const Placement again = MustPlace("r");
  EXPECT_EQ(again.node.node_id, placement.node.node_id);
  EXPECT_EQ(again.lease_id, placement.lease_id);
  EXPECT_EQ(again.signature_quality, SignatureQuality::kFull);
  EXPECT_EQ(MustRelease("r"), LeaseOutcome::kDone);
  EXPECT_EQ(Activation(placement.node.node_id), std::vector<float>(16, 0.0f));
}

TEST_F(RouterSignatureTest, ChunksAddUpBeforeThePlacement) {
  RegisterNodes({"a"});
  ASSERT_THAT(Append("r", Part(4, 0)), IsOk());
  const auto second = Append("r", Part(3, 1), 4);
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->tokens, 7u);
  EXPECT_EQ(second->quality, SignatureQuality::kPartial);
  const auto last = Append("r", Part(3, 2), 7);
  ASSERT_THAT(last, IsOk());
  EXPECT_EQ(last->tokens, 10u);
  EXPECT_EQ(last->quality, SignatureQuality::kFull);
  EXPECT_EQ(MustPlace("r").signature_quality, SignatureQuality::kFull);

  TestSignature whole = Part(4, 0);
  for (const TestSignature& chunk : {Part(3, 1), Part(3, 2)}) {
    whole.tokens += chunk.tokens;
    for (std::size_t i = 0; i < whole.counts.size(); ++i) whole.counts[i] += chunk.counts[i];
  }
  EXPECT_EQ(Activation("a"), ActivationOf(whole));
}

TEST_F(RouterSignatureTest, ChunksAddUpAlsoAfterThePlacement) {
  RegisterNodes({"a"});
  ASSERT_THAT(Append("r", Part(4), 0), IsOk());
  EXPECT_EQ(MustPlace("r").signature_quality, SignatureQuality::kPartial);
  const auto rest = Append("r", Part(6), 4);
  ASSERT_THAT(rest, IsOk());
  EXPECT_EQ(rest->tokens, 10u);
  EXPECT_TRUE(rest->updated_lease);
  EXPECT_EQ(MustPlace("r").signature_quality, SignatureQuality::kFull);
  EXPECT_EQ(Description().stored_signatures, 0u);
}

TEST_F(RouterSignatureTest, ChunksAreAppendedToAPartInTheQuery) {
  RegisterNodes({"a"});
  TestSignature part = Part(4);
  PlacementQuery query = Query("r");
  query.signature = part.Dense();
  EXPECT_EQ(MustPlace(query).signature_quality, SignatureQuality::kPartial);
  const auto rest = Append("r", Part(6), 4);
  ASSERT_THAT(rest, IsOk());
  EXPECT_EQ(rest->tokens, 10u);
  EXPECT_EQ(rest->quality, SignatureQuality::kFull);
}

TEST_F(RouterSignatureTest, ARetriedChunkIsAcknowledgedOnceAndAMissingOneNoticed) {
  ASSERT_THAT(Append("r", Part(4), 0), IsOk());
  ASSERT_THAT(Append("r", Part(3), 4), IsOk());
  EXPECT_THAT(Append("r", Part(3), 4), IsOk());  // its acknowledgement was lost
  EXPECT_EQ(Append("r", Part(3), 4)->tokens, 7u);
  EXPECT_THAT(Append("r", Part(1), 9), StatusIs(absl::StatusCode::kFailedPrecondition,
                                                HasSubstr("append_at: got 9, expected 7")));
  EXPECT_THAT(Append("other", Part(1), 2), StatusIs(absl::StatusCode::kFailedPrecondition,
                                                    HasSubstr("append_at: got 2, expected 0")));
  EXPECT_EQ(Append("r", Part(1), 7)->tokens, 8u);
}

TEST_F(RouterSignatureTest, TheLastChunkMayComeAgainAfterThePlacement) {
  RegisterNodes({"a"});
  ASSERT_THAT(Append("r", Part(4), 0), IsOk());
  ASSERT_THAT(Append("r", Part(6), 4), IsOk());
  MustPlace("r");
  EXPECT_EQ(Description().stored_signatures, 0u);
  const std::vector<float> placed = Activation("a");
  // Each of them, in any order, with append_at and without: nothing can follow the whole prompt.
  for (const auto& again :
       {Append("r", Part(6), 4), Append("r", Part(4), 0), Append("r", Part(6))}) {
    ASSERT_THAT(again, IsOk());
    EXPECT_EQ(again->tokens, 10u);
    EXPECT_EQ(again->quality, SignatureQuality::kFull);
    EXPECT_TRUE(again->updated_lease);
  }
  EXPECT_EQ(Activation("a"), placed);
  EXPECT_EQ(MustPlace("r").signature_quality, SignatureQuality::kFull);
}

TEST_F(RouterSignatureTest, APlacementWithPartOfThePromptMayComeAgain) {
  RegisterNodes({"a"});
  TestSignature part = Part(4);
  PlacementQuery query = Query("r");
  query.signature = part.Dense();
  const Placement first = MustPlace(query);
  EXPECT_EQ(MustPlace(query).lease_id, first.lease_id);
  const auto second = Append("r", Part(3), 4);
  ASSERT_THAT(second, IsOk()) << "the repeated placement dropped the first part";
  EXPECT_EQ(second->tokens, 7u);
  EXPECT_EQ(MustPlace(query).lease_id, first.lease_id);
  EXPECT_EQ(Append("r", Part(3), 7)->quality, SignatureQuality::kFull);
  const std::vector<float> whole = Activation("a");
  const Placement last = MustPlace(query);
  EXPECT_EQ(last.lease_id, first.lease_id);
  EXPECT_EQ(last.signature_quality, SignatureQuality::kFull);
  EXPECT_EQ(Activation("a"), whole);
}

TEST_F(RouterSignatureTest, AnEarlyPartThatArrivesLateChangesNothing) {
  RegisterNodes({"a"});
  ASSERT_THAT(PushWhole("r", Part(4)), IsOk());
  ASSERT_THAT(PushWhole("r", Part(10, 2)), IsOk());
  const auto late = PushWhole("r", Part(4));
  ASSERT_THAT(late, IsOk());
  EXPECT_EQ(late->tokens, 10u);
  EXPECT_EQ(late->quality, SignatureQuality::kFull);
  MustPlace("r");
  EXPECT_EQ(Activation("a"), ActivationOf(Part(10, 2)));
  EXPECT_EQ(PushWhole("r", Part(4))->tokens, 10u);
  EXPECT_EQ(Activation("a"), ActivationOf(Part(10, 2)));
}

TEST_F(RouterSignatureTest, ChunksOfAPromptOfUnknownLengthGoOnAfterThePlacement) {
  RegisterNodes({"a"});
  ASSERT_THAT(Append("r", SteadySignature(geometry_, 4), 0), IsOk());
  MustPlace("r");
  const auto next = Append("r", SteadySignature(geometry_, 3), 4);
  ASSERT_THAT(next, IsOk());
  EXPECT_EQ(next->tokens, 7u);
  EXPECT_EQ(Append("r", SteadySignature(geometry_, 3), 4)->tokens, 7u);
}

TEST_F(RouterSignatureTest, AChunkWhosePredecessorsAreTooOldIsRefusedAndARepeatedOneIsNot) {
  RegisterNodes({"a"});
  ASSERT_THAT(Append("r", Part(4), 0), IsOk());
  MustPlace("r");
  clock_.Advance(absl::Minutes(2));
  router_->Step();
  ASSERT_EQ(Description().stored_signatures, 0u);
  EXPECT_THAT(Append("r", Part(6), 4), StatusIs(absl::StatusCode::kFailedPrecondition,
                                                HasSubstr("expected the whole signature")));
  EXPECT_THAT(Append("r", Part(6)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("first 4 tokens")));
  EXPECT_EQ(Append("r", Part(4), 0)->tokens, 4u);
  EXPECT_EQ(PushWhole("r", Part(10))->quality, SignatureQuality::kFull);
}

TEST_F(RouterSignatureTest, WhatIsOverTakesItsSignatureAlong) {
  const auto end_by = [&](absl::string_view how) {
    Router::Options options;
    options.confirm_grace = absl::Seconds(3);
    Start(options, {});
    RegisterAndHear({"a"});
    ASSERT_THAT(PushWhole("r", Part(4)), IsOk());
    PlacementQuery query = Query("r");
    query.lease_ttl = absl::Seconds(5);
    MustPlace(query);
    ASSERT_EQ(Description().stored_signatures, 1u) << how;
    const Ids finished = {"r"};
    NodeReport report = Report("a");
    if (how == "released") {
      MustRelease("r");
    } else if (how == "reported_finished") {
      report.finished_request_ids = finished;
    } else {
      clock_.Advance(absl::Seconds(how == "expired" ? 5 : 4));
      report.complete_list = true;
    }
    ASSERT_THAT(router_->Heartbeat(report), IsOk());
    EXPECT_THAT(observer_.Take(), Contains(absl::StrCat(how, " r on a")));
    EXPECT_EQ(Description().stored_signatures, 0u) << how;
    EXPECT_EQ(MustPlace("r").signature_quality, SignatureQuality::kMissing) << how;
  };
  for (const char* how : {"released", "reported_finished", "expired", "unconfirmed"}) end_by(how);
}

TEST_F(RouterSignatureTest, ARequestThatLostItsNodeIsPlacedOnWhatIsKnown) {
  RegisterNodes({"a", "b"});
  ASSERT_THAT(PushWhole("r", Part(4)), IsOk());
  const std::string node(MustPlace("r").node.node_id);
  ASSERT_THAT(router_->RemoveNode(node), IsOk());
  EXPECT_EQ(MustPlace("r").signature_quality, SignatureQuality::kPartial);
}

TEST_F(RouterSignatureTest, ARefusedPushChangesNothing) {
  RegisterNodes({"a"});
  ASSERT_THAT(Append("r", Part(4), 0), IsOk());
  TestSignature other_layers = Part(3);
  for (std::size_t cell = 8; cell < 16; ++cell) other_layers.counts[cell] = 0;
  EXPECT_THAT(Append("r", other_layers),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("covers other layers")));
  TestSignature broken = Part(4);
  broken.counts[0] = 1;
  EXPECT_THAT(PushWhole("r", broken),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("layer 0 sums to 5")));
  MustPlace("r");
  EXPECT_EQ(Activation("a"), ActivationOf(Part(4)));
}

TEST_F(RouterSignatureTest, UnplacedOnesLiveForTheirTimeToLiveSinceTheLastPush) {
  RegisterNodes({"a"});
  ASSERT_THAT(Append("r", Part(4)), IsOk());
  clock_.Advance(absl::Seconds(40));
  ASSERT_THAT(Append("r", Part(3)), IsOk());
  clock_.Advance(absl::Seconds(59));
  router_->Step();
  EXPECT_EQ(Description().stored_signatures, 1u);
  clock_.Advance(absl::Seconds(1));
  router_->Step();
  EXPECT_EQ(Description().stored_signatures, 0u);
  EXPECT_THAT(observer_.Take(), Contains("signatures: 1 expired, 0 evicted"));
  EXPECT_EQ(MustPlace("r").signature_quality, SignatureQuality::kMissing);
}

TEST_F(RouterSignatureTest, TheByteBoundDropsTheOldest) {
  Router::Options options;
  options.signature_store_bytes = 1;
  Start(options, {});
  ASSERT_THAT(PushWhole("r1", SteadySignature(geometry_, 5)), IsOk());
  ASSERT_THAT(PushWhole("r2", SteadySignature(geometry_, 5)), IsOk());
  EXPECT_THAT(observer_.Take(), Contains("signatures: 0 expired, 1 evicted"));
  RegisterNodes({"a"});
  EXPECT_EQ(MustPlace("r1").signature_quality, SignatureQuality::kMissing);
  // A part that a query brings is stored too, and counted likewise.
  TestSignature part = Part(4);
  PlacementQuery query = Query("r3");
  query.signature = part.Dense();
  MustPlace(query);
  EXPECT_THAT(observer_.Take(), Contains("signatures: 0 expired, 1 evicted"));
  EXPECT_EQ(MustPlace("r2").signature_quality, SignatureQuality::kMissing);
}

TEST_F(RouterSignatureTest, AMovedLeaseTakesItsContributionAlong) {
  RegisterNodes({"a"});
  ASSERT_THAT(PushWhole("r", SteadySignature(geometry_, 5)), IsOk());
  MustPlace("r");
  RegisterNodes({"b"});
  const Ids exclude = {"a"};
  PlacementQuery query = Query("r");
  query.exclude_nodes = exclude;
  EXPECT_EQ(MustPlace(query).signature_quality, SignatureQuality::kFull);
  EXPECT_EQ(Activation("b"), ActivationOf(SteadySignature(geometry_, 5)));
}

TEST_F(RouterSignatureTest, ARequestIsLearnedOnceHoweverOftenItIsPushedOrPlaced) {
  RegisterNodes({"a", "b"});
  MustPlace("r");
  EXPECT_EQ(Description().learned_requests, 0u);  // nothing to learn from yet
  ASSERT_THAT(Append("r", Part(4)), IsOk());
  EXPECT_EQ(Description().learned_requests, 1u);
  ASSERT_THAT(Append("r", Part(6)), IsOk());
  ASSERT_THAT(PushWhole("r", SteadySignature(geometry_, 5)), IsOk());
  TestSignature again = SteadySignature(geometry_, 5);
  PlacementQuery query = Query("r");
  query.signature = again.Dense();
  MustPlace(query);
  EXPECT_EQ(Description().learned_requests, 1u);
  const Ids exclude = {std::string(MustPlace("r").node.node_id)};
  query.exclude_nodes = exclude;
  EXPECT_EQ(MustPlace(query).reason, PlacementReason::kMoved);
  EXPECT_EQ(Description().learned_requests, 1u);
}

TEST_F(RouterSignatureTest, ARequestIsEstimatedBeforeItIsLearnedFrom) {
  RegisterNodes({"a"});
  TestSignature signature = SteadySignature(geometry_, 1);
  PlacementQuery query = Query("r");
  query.signature = signature.Dense();
  MustPlace(query);
  // One token counts for n = 300/301, the prior of 2/8 for kappa = 2: 0.5 and 0.167. Had it
  // been learned first, the prior would be 0.297 and the first of them 0.531.
  const double n = 300.0 / 301;
  EXPECT_NEAR(Activation("a")[0], (n + 0.5) / (n + 2), 0.02);
  EXPECT_NEAR(Activation("a")[7], 0.5 / (n + 2), 0.01);
}

TEST_F(RouterSignatureTest, TheNextRequestIsEstimatedFromWhatWasLearned) {
  RegisterNodes({"a"});
  TestSignature signature = SteadySignature(geometry_, 100);
  for (int i = 0; i < 30; ++i) {
    const std::string id = absl::StrCat("r", i);
    PlacementQuery query = Query(id);
    query.signature = signature.Dense();
    MustPlace(query);
    MustRelease(id);
  }
  MustPlace("unknown");
  EXPECT_GT(Activation("a")[0], 0.6f);
  EXPECT_LT(Activation("a")[7], 0.12f);
}

TEST_F(RouterSignatureTest, ALayerThatIsNotCoveredTakesThePrior) {
  RegisterNodes({"a"});
  MustPlace("unknown");
  const std::vector<float> prior = Activation("a");
  MustRelease("unknown");
  TestSignature first_layer_only = SteadySignature(geometry_, 50);
  for (std::size_t cell = 8; cell < 16; ++cell) first_layer_only.counts[cell] = 0;
  PlacementQuery query = Query("r");
  query.signature = first_layer_only.Dense();
  EXPECT_EQ(MustPlace(query).signature_quality, SignatureQuality::kPartial);
  const std::vector<float> activation = Activation("a");
  for (std::size_t cell = 8; cell < 16; ++cell) EXPECT_EQ(activation[cell], prior[cell]);
  EXPECT_GT(activation[0], 0.9f);
}

}  // namespace
}  // namespace eldr
