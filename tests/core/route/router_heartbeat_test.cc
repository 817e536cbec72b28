// Heartbeats: what nodes report, and what their silence means.
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
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RouterHeartbeatTest : public RouterFixture {
 protected:
  void ReportLoad(absl::string_view id, std::uint32_t running, std::uint32_t queued,
                  std::optional<double> kv_usage = {}) {
    NodeReport report = Report(id);
    report.running = running;
    report.queued = queued;
    report.kv_usage = kv_usage;
    ASSERT_THAT(router_->Heartbeat(report), IsOk());
  }
  Placement PlaceOn(const std::string& node, absl::string_view request_id) {
    const Ids allow = {node};
    PlacementQuery query = Query(request_id);
    query.allow_nodes = allow;
    return MustPlace(query);
  }
};

TEST_F(RouterHeartbeatTest, AnswersWhatTheRouterThinksOfTheNode) {
  RegisterAndHear({"a"});
  MustPlace("r");
  ASSERT_THAT(router_->DrainNode("a"), IsOk());
  const auto result = router_->Heartbeat(Report("a"));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->state, NodeState::kReady);
  EXPECT_TRUE(result->draining);
  EXPECT_EQ(result->leases, 1u);
}

TEST_F(RouterHeartbeatTest, LoadIsTheReportPlusWhatWasPlacedSinceAndAtLeastTheLeases) {
  RegisterAndHear({"a"});
  for (int i = 0; i < 3; ++i) MustPlace(absl::StrCat("r", i));
  EXPECT_EQ(Status("a").load, 3u);
  ReportLoad("a", 1, 0);
  EXPECT_EQ(Status("a").load, 3u);  // the report is behind
  ReportLoad("a", 5, 2);
  EXPECT_EQ(Status("a").load, 7u);  // others use the node too
  EXPECT_EQ(Status("a").reported_running, 5u);
  EXPECT_EQ(Status("a").reported_queued, 2u);
  MustPlace("r3");
  EXPECT_EQ(Status("a").load, 8u);
  ReportLoad("a", 5, 2);
  EXPECT_EQ(Status("a").load, 7u);
}

TEST_F(RouterHeartbeatTest, WhatEndedSinceTheReportIsOffTheLoad) {
  RegisterAndHear({"a"});
  for (int i = 0; i < 3; ++i) MustPlace(absl::StrCat("r", i));
  ReportLoad("a", 7, 0);
  MustRelease("r0");
  EXPECT_EQ(Status("a").load, 6u);
  MustPlace("r3");
  EXPECT_EQ(Status("a").load, 7u);
  for (const char* id : {"r1", "r2", "r3"}) MustRelease(id);
  EXPECT_EQ(Status("a").load, 4u);
  ReportLoad("a", 0, 0);
  EXPECT_EQ(Status("a").load, 0u);
}

TEST_F(RouterHeartbeatTest, WhatEndedSinceTheReportIsTakenOffIt) {
  RegisterAndHear({"a"});
  PlacementQuery query = Query("r");
  query.sequences = 3;
  MustPlace(query);
  ReportLoad("a", 5, 2);
  MustPlace("since");
  EXPECT_EQ(Status("a").load, 8u);
  MustRelease("r");
  EXPECT_EQ(Status("a").load, 5u);
  MustRelease("since");
  EXPECT_EQ(Status("a").load, 4u);
  ReportLoad("a", 0, 0);
  MustPlace("next");
  EXPECT_EQ(Status("a").load, 1u);  // what ended before the report is not taken off again
}

TEST_F(RouterHeartbeatTest, ReportedLoadDecides) {
  StartWithPolicy("least_loaded");
  RegisterAndHear({"a", "b"});
  ReportLoad("a", 3, 3);
  for (int i = 0; i < 6; ++i) {
    const Placement placement = MustPlace(absl::StrCat("r", i));
    EXPECT_EQ(placement.node.node_id, "b");
    EXPECT_EQ(placement.load_basis, LoadBasis::kReported);
  }
}

TEST_F(RouterHeartbeatTest, AnOldReportIsNotBelieved) {
  RegisterNodes({"a"});  // sends them when it likes
  ReportLoad("a", 50, 0);
  EXPECT_EQ(Status("a").load, 50u);
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(Status("a").load, 50u);
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(Status("a").load, 0u);
  EXPECT_EQ(MustPlace("r").load_basis, LoadBasis::kOwnCount);
}

TEST_F(RouterHeartbeatTest, KvUsageKeepsPlacementsAwayWhileFresh) {
  RegisterAndHear({"a", "b"});
  ReportLoad("a", 0, 0, 0.96);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(MustPlace(absl::StrCat("r", i)).node.node_id, "b");
  ReportLoad("b", 0, 0, 0.99);
  EXPECT_EQ(MustPlace("pressed").reason, PlacementReason::kKvPressure);
  ReportLoad("b", 0, 0, 0.95);
  const Placement placement = MustPlace("relaxed");
  EXPECT_EQ(placement.node.node_id, "b");
  EXPECT_EQ(placement.reason, PlacementReason::kPolicy);
}

TEST_F(RouterHeartbeatTest, KvUsageDoesNotMoveWhatIsPlaced) {
  RegisterAndHear({"a", "b"});
  const Placement placement = PlaceOn("a", "r");
  ReportLoad("a", 0, 0, 1.0);
  EXPECT_EQ(MustPlace("r").lease_id, placement.lease_id);
}

TEST_F(RouterHeartbeatTest, RunningRequestsAreRenewedAndFinishedOnesEnd) {
  RegisterAndHear({"a", "b"});
  PlaceOn("a", "running");
  PlaceOn("a", "finished");
  PlaceOn("b", "elsewhere");
  observer_.Take();
  const Ids running = {"running", "elsewhere", "unknown"},
            finished = {"finished", "elsewhere", "unknown"};
  NodeReport report = Report("a");
  report.running_request_ids = running;
  report.finished_request_ids = finished;
  for (int i = 0; i < 60; ++i) {
    clock_.Advance(absl::Seconds(9));
    ASSERT_THAT(router_->Heartbeat(report), IsOk());
    Hear({"b"});
  }
  EXPECT_THAT(observer_.Take(), ElementsAre("reported_finished finished on a"));
  // 9 minutes on: the one renewed lives ten more, the other one more.
  for (int i = 0; i < 9; ++i) {
    clock_.Advance(absl::Seconds(9));
    Hear({"a", "b"});
  }
  EXPECT_THAT(observer_.Take(), ElementsAre("expired elsewhere on b"));
  EXPECT_EQ(Status("a").leases, 1u);
}

TEST_F(RouterHeartbeatTest, AFinishedLeaseIsNotTheNextOneOfItsRequest) {
  RegisterAndHear({"a"});
  const std::uint64_t first = MustPlace("r").lease_id;
  NodeReport report = Report("a");
  report.finished = {{"r", first}};
  ASSERT_THAT(router_->Heartbeat(report), IsOk());
  EXPECT_THAT(observer_.Take(), Contains("reported_finished r on a"));
  // The next turn of a conversation, under the same id. The report comes again, at once and late.
  const std::uint64_t second = MustPlace("r").lease_id;
  for (int i = 0; i < 30; ++i) {
    ASSERT_THAT(router_->Heartbeat(report), IsOk());
    EXPECT_EQ(MustPlace("r").lease_id, second);
    clock_.Advance(absl::Seconds(1));
  }
  report.finished = {{"r", second}, {"r", first}};
  ASSERT_THAT(router_->Heartbeat(report), IsOk());
  EXPECT_EQ(Status("a").leases, 0u);
}

TEST_F(RouterHeartbeatTest, AFinishedIdThatMayBeOfAnEarlierRequestEndsNothing) {
  RegisterAndHear({"a"});
  MustPlace("r");
  MustRelease("r");
  MustPlace("r");
  const Ids ids = {"r"};
  NodeReport finished = Report("a");
  finished.finished_request_ids = ids;
  ASSERT_THAT(router_->Heartbeat(finished), IsOk());
  EXPECT_EQ(Status("a").leases, 1u) << "the one that was released is meant";
  // One that it says to run as well, however long ago the last one ended.
  for (int i = 0; i < 30; ++i) {
    clock_.Advance(absl::Seconds(1));
    Hear({"a"});
  }
  finished.running_request_ids = ids;
  ASSERT_THAT(router_->Heartbeat(finished), IsOk());
  EXPECT_EQ(Status("a").leases, 1u);
  finished.running_request_ids = {};
  ASSERT_THAT(router_->Heartbeat(finished), IsOk());
  EXPECT_EQ(Status("a").leases, 0u);
}

TEST_F(RouterHeartbeatTest, ANodeThatReportsUnannouncedEndsNoLaterLeaseEither) {
  RegisterNodes({"a"});
  MustPlace("r");
  MustRelease("r");
  MustPlace("r");
  const Ids ids = {"r"};
  NodeReport finished = Report("a");
  finished.finished_request_ids = ids;
  ASSERT_THAT(router_->Heartbeat(finished), IsOk());
  EXPECT_EQ(Status("a").leases, 1u);
}

TEST_F(RouterHeartbeatTest, ANodeThatWasRemovedAndIsBackEndsNoLaterLease) {
  RegisterAndHear({"a"});
  MustPlace("r");
  ASSERT_THAT(router_->RemoveNode("a"), IsOk());
  RegisterAndHear({"a"});
  MustPlace("r");
  const Ids ids = {"r"};
  NodeReport finished = Report("a");
  finished.finished_request_ids = ids;
  ASSERT_THAT(router_->Heartbeat(finished), IsOk());
  EXPECT_EQ(Status("a").leases, 1u);
}

TEST_F(RouterHeartbeatTest, AFinishedLeaseOfAnotherNodeIsLeftAlone) {
  RegisterAndHear({"a", "b"});
  const Placement placement = PlaceOn("a", "r");
  NodeReport report = Report("b");
  report.finished = {{"r", placement.lease_id}, {"r", 0}, {"unknown", placement.lease_id}};
  ASSERT_THAT(router_->Heartbeat(report), IsOk());
  EXPECT_EQ(Status("a").leases, 1u);
}

TEST_F(RouterHeartbeatTest, AnotherIncarnationIsRefused) {
  NodeSpec spec = HeartbeatingNode("a");
  spec.incarnation = 5;
  ASSERT_THAT(router_->RegisterNode(spec), IsOk());
  NodeReport report = Report("a");
  report.incarnation = 4;
  EXPECT_THAT(router_->Heartbeat(report), StatusIs(absl::StatusCode::kFailedPrecondition,
                                                   HasSubstr("incarnation: got 4, expected 5")));
  EXPECT_EQ(Status("a").state, NodeState::kJoining);
  report.incarnation = 5;
  EXPECT_THAT(router_->Heartbeat(report), IsOk());
  report.incarnation = 0;
  EXPECT_THAT(router_->Heartbeat(report), IsOk());
}

TEST_F(RouterHeartbeatTest, SilenceLosesANodeAndItsRequestsAreToBePlacedElsewhere) {
  RegisterAndHear({"a", "b", "c"});
  const Placement placement = PlaceOn("a", "r");
  ReportLoad("a", 40, 0);
  observer_.Take();
  clock_.Advance(absl::Seconds(9));
  Hear({"b", "c"});
  clock_.Advance(absl::Seconds(1));
  router_->Step();
  EXPECT_EQ(Status("a").state, NodeState::kReady);
  clock_.Advance(absl::Milliseconds(1));
  const Placement again = MustPlace("r");
  EXPECT_NE(again.node.node_id, "a");
  EXPECT_NE(again.lease_id, placement.lease_id);
  EXPECT_EQ(again.reason, PlacementReason::kPolicy);
  EXPECT_THAT(observer_.Take(), ElementsAre("node_lost r on a", "a: ready -> lost"));
  EXPECT_EQ(Status("a").leases, 0u);
  EXPECT_EQ(Status("a").load, 0u);
  EXPECT_EQ(Activation("a"), std::vector<float>(16, 0.0f));
}

TEST_F(RouterHeartbeatTest, ALostNodeIsBackWithItsNextHeartbeat) {
  RegisterAndHear({"a", "b", "c"});
  clock_.Advance(absl::Seconds(9));
  Hear({"b", "c"});
  clock_.Advance(absl::Seconds(2));
  router_->Step();
  ASSERT_EQ(Status("a").state, NodeState::kLost);
  EXPECT_EQ(router_->RegisterNode(HeartbeatingNode("a"))->state, NodeState::kLost);
  observer_.Take();
  EXPECT_EQ(router_->Heartbeat(Report("a"))->state, NodeState::kReady);
  EXPECT_THAT(observer_.Take(), ElementsAre("a: lost -> ready"));
  EXPECT_EQ(PlaceOn("a", "r").node.node_id, "a");
}

TEST_F(RouterHeartbeatTest, HalfOfTheFleetSilentIsLost) {
  RegisterAndHear({"a", "b", "c", "d"});
  clock_.Advance(absl::Seconds(9));
  Hear({"c", "d"});
  clock_.Advance(absl::Seconds(1.5));
  router_->Step();
  EXPECT_EQ(Status("a").state, NodeState::kLost);
  EXPECT_EQ(Status("b").state, NodeState::kLost);
  EXPECT_THAT(observer_.Take(), ::testing::Not(Contains("panic")));
}

TEST_F(RouterHeartbeatTest, AllSilentAtOnceMayBeOurFaultAndNoneIsLost) {
  StartWithPolicy("least_loaded");
  RegisterAndHear({"a", "b", "c", "d"});
  const Placement held = PlaceOn("a", "held");
  ReportLoad("d", 90, 0, 0.99);
  observer_.Take();
  clock_.Advance(absl::Seconds(10.5));
  // Own counts decide: a holds a request, the others none; d's report says nothing any more.
  const Ids a_and_d = {"a", "d"};
  PlacementQuery query = Query("r");
  query.allow_nodes = a_and_d;
  const Placement placement = MustPlace(query);
  EXPECT_EQ(placement.node.node_id, "d");
  EXPECT_EQ(placement.reason, PlacementReason::kPanicMode);
  EXPECT_EQ(placement.load_basis, LoadBasis::kOwnCount);
  EXPECT_THAT(observer_.Take(), ElementsAre("panic"));
  EXPECT_TRUE(Description().panic_mode);
  EXPECT_EQ(Status("d").state, NodeState::kLostInPanic);
  EXPECT_EQ(MustPlace("held").lease_id, held.lease_id);

  Hear({"a", "b"});
  EXPECT_EQ(MustPlace("later").reason, PlacementReason::kPolicy);
  EXPECT_THAT(observer_.Take(), ElementsAre("no panic"));
  EXPECT_EQ(Status("d").state, NodeState::kReady);
  // Those that stay silent are lost a node_timeout later.
  for (int i = 0; i < 11; ++i) {
    clock_.Advance(absl::Seconds(1));
    Hear({"a", "b"});
  }
  EXPECT_EQ(Status("c").state, NodeState::kLost);
  EXPECT_EQ(Status("d").state, NodeState::kLost);
  EXPECT_EQ(Status("a").state, NodeState::kReady);
}

TEST_F(RouterHeartbeatTest, InPanicWhatTheLivingReportIsBelieved) {
  StartWithPolicy("least_loaded");
  RegisterAndHear({"a", "b", "c", "d"});
  clock_.Advance(absl::Seconds(10.5));
  ReportLoad("d", 90, 0);
  router_->Step();
  ASSERT_TRUE(Description().panic_mode);
  EXPECT_EQ(Status("d").load, 90u);
  EXPECT_EQ(Status("d").state, NodeState::kReady);
  const Placement placement = PlaceOn("d", "r");
  EXPECT_EQ(placement.reason, PlacementReason::kPanicMode);
  EXPECT_EQ(placement.load_basis, LoadBasis::kReported);
}

TEST_F(RouterHeartbeatTest, MostOfTheFleetDeadIsLostWhileTheOthersAreHeard) {
  RegisterAndHear({"a", "b", "c", "d", "e"});
  observer_.Take();
  for (int second = 1; second <= 11; ++second) {
    clock_.Advance(absl::Seconds(1));
    Hear({"d", "e"});
  }
  EXPECT_THAT(observer_.Take(),
              ElementsAre("a: ready -> lost", "b: ready -> lost", "c: ready -> lost"));
  EXPECT_FALSE(Description().panic_mode);
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(MustPlace(absl::StrCat("r", i)).node.node_id, ::testing::AnyOf("d", "e"));
  }
}

TEST_F(RouterHeartbeatTest, TheOnlyNodeIsLostWhenPanicIsOver) {
  RegisterAndHear({"a"});
  MustPlace("r");
  clock_.Advance(absl::Seconds(11));
  router_->Step();
  EXPECT_EQ(Status("a").state, NodeState::kLostInPanic);
  EXPECT_EQ(Status("a").leases, 1u);
  clock_.Advance(absl::Seconds(30));
  observer_.Take();
  router_->Step();
  EXPECT_THAT(observer_.Take(), ElementsAre("no panic", "node_lost r on a", "a: ready -> lost"));
  EXPECT_THAT(router_->Place(Query("r")),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("1 lost")));
}

}  // namespace
}  // namespace eldr
