// Complete lists: what a node says of its requests puts the books right; nothing else does.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/residency/residency_map.h"
#include "core/route/router.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/router_fixture.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RouterReconcileTest : public RouterFixture {
 protected:
  RouterReconcileTest() {
    RegisterAndHear({"a", "b"});
    observer_.Take();
  }

  HeartbeatResult CompleteList(absl::string_view node_id, std::vector<std::string> named) {
    const Ids ids(std::move(named));
    NodeReport report = Report(node_id);
    report.running_request_ids = ids;
    report.complete_list = true;
    const auto result = router_->Heartbeat(report);
    EXPECT_THAT(result, IsOk());
    return result.value_or(HeartbeatResult{});
  }
  Placement PlaceOn(const std::string& node_id, absl::string_view request_id) {
    const Ids allow = {node_id};
    PlacementQuery query = Query(request_id);
    query.allow_nodes = allow;
    return MustPlace(query);
  }
  // Time passes while both nodes are heard.
  void Pass(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      clock_.Advance(absl::Seconds(1));
      Hear({"a", "b"});
    }
  }
};

TEST_F(RouterReconcileTest, AdoptsWhatItDoesNotKnow) {
  const HeartbeatResult result = CompleteList("a", {"r1", "r2"});
  EXPECT_EQ(result.adopted, 2u);
  EXPECT_EQ(result.leases, 2u);
  EXPECT_EQ(Status("a").leases, 2u);
  EXPECT_THAT(Activation("a"), ::testing::Each(::testing::Gt(0.0f))) << "the prior stands in";
  // It is a lease like any other.
  const Placement placement = MustPlace("r1");
  EXPECT_EQ(placement.reason, PlacementReason::kExistingLease);
  EXPECT_EQ(placement.node.node_id, "a");
  EXPECT_EQ(MustRelease("r1"), LeaseOutcome::kDone);
  EXPECT_EQ(CompleteList("a", {"r2"}).adopted, 0u);
}

TEST_F(RouterReconcileTest, AnAdoptedRequestBringsItsStoredSignature) {
  TestSignature signature = SteadySignature(geometry_, 50, 4);
  ASSERT_THAT(router_->PushSignature(Push("r", signature.Dense())), IsOk());
  CompleteList("a", {"r"});
  EXPECT_GT(Activation("a")[4], 0.8);
  EXPECT_LT(Activation("a")[0], 0.2);
}

TEST_F(RouterReconcileTest, ACountAloneChangesNoLease) {
  PlaceOn("a", "r1");
  Pass(60);
  const Ids named = {"r9"};
  NodeReport report = Report("a");
  report.running = 7;
  report.running_request_ids = named;
  const auto result = router_->Heartbeat(report);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->adopted + result->unconfirmed + result->conflicts, 0u);
  EXPECT_EQ(Status("a").leases, 1u);
  EXPECT_EQ(Status("a").load, 7u);
}

TEST_F(RouterReconcileTest, ALeaseThatIsNotNamedEndsAfterItsGrace) {
  PlaceOn("a", "old");
  PlaceOn("b", "elsewhere");
  Pass(20);
  PlaceOn("a", "young");
  EXPECT_EQ(CompleteList("a", {}).unconfirmed, 0u) << "30 s have not passed";
  Pass(10);
  EXPECT_EQ(CompleteList("a", {}).unconfirmed, 1u);
  EXPECT_THAT(observer_.Take(), ElementsAre("unconfirmed old on a"));
  EXPECT_EQ(Status("a").leases, 1u);
  EXPECT_EQ(Status("b").leases, 1u);
  Pass(20);
  EXPECT_EQ(CompleteList("a", {"young"}).unconfirmed, 0u) << "it is named";
}

TEST_F(RouterReconcileTest, WhatEndedAMomentAgoStaysEnded) {
  PlaceOn("a", "r");
  ASSERT_EQ(MustRelease("r"), LeaseOutcome::kDone);
  Pass(1);
  const HeartbeatResult late = CompleteList("a", {"r"});
  EXPECT_EQ(late.adopted, 0u);
  EXPECT_EQ(late.not_adopted, 1u);
  EXPECT_EQ(Status("a").leases, 0u);
  Pass(19);  // two node timeouts since the release
  EXPECT_EQ(CompleteList("a", {"r"}).adopted, 1u) << "it runs in truth";
}

TEST_F(RouterReconcileTest, WhatEndedOnANodeThatReportsUnannouncedStaysEnded) {
  RegisterNodes({"c"});
  PlaceOn("c", "r");
  ASSERT_EQ(MustRelease("r"), LeaseOutcome::kDone);
  EXPECT_EQ(CompleteList("c", {"r"}).not_adopted, 1u);
  EXPECT_EQ(Status("c").leases, 0u);
}

TEST_F(RouterReconcileTest, WhatMovedAwayIsNotTakenBack) {
  PlaceOn("a", "r");
  PlaceOn("b", "r");
  const HeartbeatResult result = CompleteList("a", {"r"});
  EXPECT_EQ(result.conflicts, 1u);
  EXPECT_EQ(Status("b").leases, 1u);
  ASSERT_EQ(MustRelease("r"), LeaseOutcome::kDone);
  EXPECT_EQ(CompleteList("a", {"r"}).not_adopted, 1u) << "it left a a moment ago";
}

TEST_F(RouterReconcileTest, ARequestOfAnotherNodeIsAConflict) {
  PlaceOn("b", "r");
  const HeartbeatResult result = CompleteList("a", {"r"});
  EXPECT_EQ(result.conflicts, 1u);
  EXPECT_EQ(result.adopted, 0u);
  EXPECT_EQ(MustPlace("r").node.node_id, "b");
}

TEST_F(RouterReconcileTest, AdoptsNoMoreThanTheBoundOnLeases) {
  Router::Options options;
  options.max_leases_per_model = 2;
  Start(options, {});
  RegisterAndHear({"a"});
  const HeartbeatResult result = CompleteList("a", {"r1", "r2", "r3"});
  EXPECT_EQ(result.adopted, 2u);
  EXPECT_EQ(result.not_adopted, 1u);
}

TEST_F(RouterReconcileTest, AdoptsNoMoreThanTheResidencyOfItsGroupHolds) {
  NodeSpec spec = HeartbeatingNode("a");
  spec.tokens_per_step = 64;
  Start({}, {});
  ASSERT_THAT(router_->RegisterNode(spec), IsOk());
  Hear({"a"});
  PlacementQuery query = Query("");
  query.sequences = 128;
  constexpr std::uint32_t kEach = 128 * 64;
  // All but what 128 requests of one sequence add.
  for (std::uint32_t i = 0; i + 1 < ResidencyMap::kMaxWeight / kEach; ++i) {
    const std::string id = absl::StrCat("r", i);
    query.request_id = id;
    MustPlace(query);
  }
  std::vector<std::string> more;
  for (int i = 0; i < 134; ++i) more.push_back(absl::StrCat("more", i));
  const Ids named(more);
  NodeReport report = Report("a");
  report.running_request_ids = named;
  report.complete_list = true;
  const auto result = router_->Heartbeat(report);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->adopted, 128u);
  EXPECT_EQ(result->not_adopted, 6u);
  EXPECT_THAT(router_->Place(Query("another")), StatusIs(absl::StatusCode::kResourceExhausted));
  for (const float activation : Activation("a")) {
    EXPECT_TRUE(activation >= 0 && activation <= 1) << activation;
  }
  for (const std::string& id : more) MustRelease(id);
  MustPlace("another");
}

TEST_F(RouterReconcileTest, AfterARestartLoadsComeBackFromTheNodes) {
  for (int i = 0; i < 5; ++i) PlaceOn(i < 3 ? "a" : "b", absl::StrCat("r", i));
  Start({}, {});  // a daemon that knows nothing
  RegisterAndHear({"a", "b"});
  CompleteList("a", {"r0", "r1", "r2"});
  CompleteList("b", {"r3", "r4"});
  EXPECT_EQ(Status("a").load, 3u);
  EXPECT_EQ(Status("b").load, 2u);
  // A frontend that asks again gets the node that runs it.
  EXPECT_EQ(MustPlace("r4").node.node_id, "b");
}

TEST_F(RouterReconcileTest, RefusesIdsThatNoPlacementWouldTake) {
  const Ids named = {"ok", std::string(257, 'x')};
  NodeReport report = Report("a");
  report.running_request_ids = named;
  report.complete_list = true;
  EXPECT_THAT(router_->Heartbeat(report),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("running_request_ids[1]: got 257 bytes, expected 1 to 256")));
  EXPECT_EQ(Status("a").leases, 0u) << "nothing is half done";
  EXPECT_THAT(observer_.Take(), IsEmpty());
}

}  // namespace
}  // namespace eldr
