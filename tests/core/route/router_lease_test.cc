// Leases: how they live and how they end.
#include <string>

#include "absl/strings/str_cat.h"
#include "core/route/router.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/router_fixture.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RouterLeaseTest : public RouterFixture {
 protected:
  RouterLeaseTest() {
    RegisterNodes({"a"});
    observer_.Take();
  }
  absl::StatusOr<Placement> PlaceFor(absl::string_view request_id, absl::Duration ttl) {
    PlacementQuery query = Query(request_id);
    query.lease_ttl = ttl;
    return router_->Place(query);
  }
};

TEST_F(RouterLeaseTest, ReleaseEndsALeaseOnce) {
  MustPlace("r");
  EXPECT_EQ(MustRelease("r"), LeaseOutcome::kDone);
  EXPECT_EQ(Status("a").leases, 0u);
  EXPECT_EQ(MustRelease("r"), LeaseOutcome::kNotHeld);
  EXPECT_EQ(MustRelease("never placed"), LeaseOutcome::kNotHeld);
  EXPECT_THAT(observer_.Take(), ElementsAre("released r on a"));
}

TEST_F(RouterLeaseTest, AnOldLeaseIdChangesNothing) {
  const std::uint64_t old_id = MustPlace("r").lease_id;
  MustRelease("r");
  const std::uint64_t new_id = MustPlace("r").lease_id;
  ASSERT_NE(old_id, new_id);
  observer_.Take();
  EXPECT_EQ(MustRelease("r", old_id), LeaseOutcome::kStale);
  EXPECT_EQ(router_->Renew(Key("r", old_id), {})->outcome, LeaseOutcome::kStale);
  EXPECT_EQ(Status("a").leases, 1u);
  EXPECT_THAT(observer_.Take(), IsEmpty());
  EXPECT_EQ(router_->Renew(Key("r", new_id), {})->outcome, LeaseOutcome::kDone);
  EXPECT_EQ(MustRelease("r", new_id), LeaseOutcome::kDone);
}

TEST_F(RouterLeaseTest, AStaleReleaseKeepsTheSignatureOfTheNextAttempt) {
  const std::uint64_t old_id = MustPlace("r").lease_id;
  MustRelease("r");
  TestSignature signature = SteadySignature(geometry_, 3);
  ASSERT_THAT(router_->PushSignature(Push("r", signature.Dense())), IsOk());
  EXPECT_EQ(MustRelease("r", old_id), LeaseOutcome::kNotHeld);
  EXPECT_EQ(MustPlace("r").signature_quality, SignatureQuality::kFull);
}

TEST_F(RouterLeaseTest, ReleasingARequestThatWasNeverPlacedDropsItsSignature) {
  TestSignature signature = SteadySignature(geometry_, 3);
  ASSERT_THAT(router_->PushSignature(Push("r", signature.Dense())), IsOk());
  EXPECT_EQ(MustRelease("r"), LeaseOutcome::kNotHeld);
  EXPECT_EQ(Description().stored_signatures, 0u);
}

TEST_F(RouterLeaseTest, LivesForTenMinutesUnlessRenewed) {
  MustPlace("r");
  clock_.Advance(absl::Minutes(10) - absl::Nanoseconds(1));
  router_->Step();
  EXPECT_EQ(Status("a").leases, 1u);
  clock_.Advance(absl::Nanoseconds(1));
  router_->Step();
  EXPECT_EQ(Status("a").leases, 0u);
  EXPECT_EQ(Activation("a"), std::vector<float>(16, 0.0f));
  EXPECT_THAT(observer_.Take(), ElementsAre("expired r on a"));
}

TEST_F(RouterLeaseTest, RenewalKeepsItsOwnTimeToLiveOrTakesANewOne) {
  ASSERT_THAT(PlaceFor("r", absl::Seconds(5)), IsOk());
  clock_.Advance(absl::Seconds(4));
  const auto renewed = router_->Renew(Key("r"), {});
  ASSERT_THAT(renewed, IsOk());
  EXPECT_EQ(renewed->outcome, LeaseOutcome::kDone);
  EXPECT_EQ(renewed->lease_ttl, absl::Seconds(5));
  clock_.Advance(absl::Seconds(4));
  EXPECT_EQ(router_->Renew(Key("r"), absl::Seconds(2))->lease_ttl, absl::Seconds(2));
  clock_.Advance(absl::Seconds(2));
  EXPECT_EQ(router_->Renew(Key("r"), {})->outcome, LeaseOutcome::kNotHeld);
}

TEST_F(RouterLeaseTest, TimeThatPassedCountsWithoutAStep) {
  NodeSpec spec = Node("a");
  spec.capacity = 1;
  ASSERT_THAT(router_->RegisterNode(spec), IsOk());
  ASSERT_THAT(PlaceFor("r1", absl::Seconds(1)), IsOk());
  EXPECT_THAT(router_->Place(Query("r2")), StatusIs(absl::StatusCode::kResourceExhausted));
  clock_.Advance(absl::Seconds(1));
  MustPlace("r2");
}

TEST_F(RouterLeaseTest, AFrontendThatNeverReleasesIsCleanedUpAfter) {
  for (int i = 0; i < 1000; ++i) MustPlace(absl::StrCat("r", i));
  EXPECT_EQ(Status("a").load, 1000u);
  clock_.Advance(absl::Minutes(10));
  router_->Step();
  EXPECT_EQ(Status("a").load, 0u);
  EXPECT_EQ(Description().leases, 0u);
  EXPECT_EQ(Activation("a"), std::vector<float>(16, 0.0f));
}

TEST_F(RouterLeaseTest, LivesBetweenASecondAndAnHour) {
  const auto invalid = StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("lease_ttl: got "));
  EXPECT_THAT(PlaceFor("r", absl::Seconds(1)), IsOk());
  EXPECT_THAT(PlaceFor("r", absl::Hours(1)), IsOk());
  EXPECT_THAT(PlaceFor("r", absl::Milliseconds(999)), invalid);
  EXPECT_THAT(PlaceFor("r", absl::Hours(1) + absl::Nanoseconds(1)), invalid);
  EXPECT_THAT(router_->Renew(Key("r"), absl::ZeroDuration()), invalid);
  EXPECT_THAT(router_->Renew(Key("r"), absl::InfiniteDuration()), invalid);
}

TEST_F(RouterLeaseTest, KeepsTheDecodeCountsOfARelease) {
  MustPlace("r");
  TestSignature decoded = SteadySignature(geometry_, 200);
  EXPECT_THAT(router_->Release({Key("r"), 200, decoded.Dense()}),
              IsOkAndHolds(LeaseOutcome::kDone));
  EXPECT_EQ(Description().decode_observations, 1u);
  EXPECT_THAT(router_->Release({Key("r"), 200, decoded.Dense()}),
              IsOkAndHolds(LeaseOutcome::kNotHeld));
  EXPECT_EQ(Description().decode_observations, 1u);
}

TEST_F(RouterLeaseTest, BrokenDecodeCountsAreNamedAndTheLeaseStays) {
  MustPlace("r");
  TestSignature decoded = SteadySignature(geometry_, 200);
  decoded.counts[0] = 1;
  EXPECT_THAT(router_->Release({Key("r"), {}, decoded.Dense()}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("decode_counts.counts: layer 0 sums to 201")));
  EXPECT_EQ(Status("a").leases, 1u);
}

TEST_F(RouterLeaseTest, LeasesThatExpireTogetherEndInParts) {
  for (int i = 0; i < 1000; ++i) MustPlace(absl::StrCat("r", i));
  clock_.Advance(absl::Minutes(10));
  observer_.Take();
  // No call has to end them all before its own turn comes.
  EXPECT_EQ(router_->Renew(Key("unknown"), {})->outcome, LeaseOutcome::kNotHeld);
  EXPECT_EQ(observer_.Take().size(), 256u);
  router_->Step();
  EXPECT_EQ(observer_.Take().size(), 744u);
  EXPECT_EQ(Status("a").leases, 0u);
}

TEST_F(RouterLeaseTest, NodesThatAreLostTogetherGoInParts) {
  RegisterAndHear({"b", "c", "d", "e"});
  for (const char* node : {"b", "c", "d"}) {
    const Ids allow = {node};
    for (int i = 0; i < 200; ++i) {
      const std::string id = absl::StrCat(node, i);
      PlacementQuery query = Query(id);
      query.allow_nodes = allow;
      MustPlace(query);
    }
  }
  for (int second = 0; second < 10; ++second) {
    clock_.Advance(absl::Seconds(1));
    Hear({"e"});
  }
  clock_.Advance(absl::Milliseconds(1));
  observer_.Take();
  EXPECT_EQ(router_->Renew(Key("unknown"), {})->outcome, LeaseOutcome::kNotHeld);
  // All of b's, and some of c's, which is not lost yet but takes no more.
  EXPECT_EQ(observer_.Take().size(), 256u + 1);
  EXPECT_EQ(Status("c").leases, 144u);
  EXPECT_EQ(Status("c").state, NodeState::kReady);
  const Ids dying = {"c", "d"};
  PlacementQuery query = Query("late");
  query.allow_nodes = dying;
  EXPECT_THAT(router_->Place(query), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("3 lost")));
  router_->Step();
  EXPECT_EQ(Status("c").state, NodeState::kLost);
  EXPECT_EQ(Status("d").state, NodeState::kLost);
  EXPECT_EQ(Status("d").leases, 0u);
}

TEST_F(RouterLeaseTest, OneThatIsHeardWhileItsLeasesEndKeepsTheOthers) {
  RegisterAndHear({"b", "c"});
  const Ids only_b = {"b"};
  for (int i = 0; i < 600; ++i) {
    const std::string id = absl::StrCat("r", i);
    PlacementQuery query = Query(id);
    query.allow_nodes = only_b;
    MustPlace(query);
  }
  for (int second = 0; second < 10; ++second) {
    clock_.Advance(absl::Seconds(1));
    Hear({"c"});
  }
  clock_.Advance(absl::Milliseconds(1));
  Hear({"b"});  // its first part ends before it is heard
  EXPECT_EQ(Status("b").state, NodeState::kReady);
  EXPECT_EQ(Status("b").leases, 344u);
  router_->Step();
  EXPECT_EQ(Status("b").leases, 344u);
  PlacementQuery query = Query("again");
  query.allow_nodes = only_b;
  EXPECT_EQ(MustPlace(query).node.node_id, "b");
}

TEST_F(RouterLeaseTest, ANodeOfManyLeasesIsRemovedWithAllOfThem) {
  for (int i = 0; i < 1000; ++i) MustPlace(absl::StrCat("r", i));
  const auto removed = router_->RemoveNode("a");
  ASSERT_THAT(removed, IsOk());
  EXPECT_TRUE(removed->removed);
  EXPECT_EQ(removed->ended_leases, 1000u);
  EXPECT_EQ(Description().leases, 0u);
}

TEST_F(RouterLeaseTest, IdsOfALaterRunDifferFromThoseOfAnEarlierOne) {
  const std::uint64_t before = MustPlace("r").lease_id;
  clock_.Advance(absl::Seconds(1));
  Start({}, {});
  RegisterNodes({"a"});
  EXPECT_GT(MustPlace("r").lease_id, before);
}

}  // namespace
}  // namespace eldr
