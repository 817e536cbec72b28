#include "server/discovery/reconciler.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/discovery/reconciler_fixture.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = NodeAction::Kind;

class ReconcilerTest : public ReconcilerFixture {};

TEST_F(ReconcilerTest, RegistersWhatIsFound) {
  Endpoint rank = Decode("b");
  rank.rank = 1;
  rank.expert_group = "wide";
  rank.instance = "uid-1";
  Find({Decode("a"), rank});
  EXPECT_THAT(Nodes(), ElementsAre("a", "b"));
  const NodeSpec spec = Status("b").spec;
  EXPECT_EQ(spec.address, "b:8000");
  EXPECT_EQ(spec.dp_rank, 1u);
  EXPECT_EQ(spec.expert_group, "wide");
  EXPECT_EQ(spec.labels.at("discovery"), "kubernetes");
  EXPECT_EQ(spec.labels.at("discovery.instance"), "uid-1");
  EXPECT_EQ(Status("a").state, NodeState::kReady);
  MustPlace("r");
  EXPECT_EQ(metrics_.nodes.Value(), 0) << "it counts what was there before the step";
  reconciler_->Step();
  EXPECT_EQ(metrics_.nodes.Value(), 2);
  EXPECT_EQ(Changes(Kind::kRegister), 2);
}

TEST_F(ReconcilerTest, LeavesPrefillWorkersAndWhatIsNotReadyAlone) {
  Endpoint prefill = Decode("p");
  prefill.roles = {.prefill = true, .decode = false};
  Find({prefill, Decode("starting", false)});
  EXPECT_THAT(Nodes(), IsEmpty());
  Find({prefill, Decode("starting")});
  EXPECT_THAT(Nodes(), ElementsAre("starting"));
}

TEST_F(ReconcilerTest, DrainsWhatIsNotReadyAndUndrainsItAgain) {
  Find({Decode("a")});
  MustPlace("r");
  Find({Decode("a", false)});
  EXPECT_THAT(Nodes(), ElementsAre("a drained"));
  EXPECT_EQ(Status("a").leases, 1u) << "what runs there goes on";
  EXPECT_EQ(Status("a").spec.labels.at("discovery.drained"), "not_ready");
  clock_.Advance(absl::Hours(1));
  reconciler_->Step();
  EXPECT_THAT(Nodes(), ElementsAre("a drained")) << "it is there still, however long";
  Find({Decode("a")});
  EXPECT_THAT(Nodes(), ElementsAre("a"));
  EXPECT_EQ(Status("a").spec.labels.count("discovery.drained"), 0u);
  EXPECT_EQ(Changes(Kind::kDrain), 1);
  EXPECT_EQ(Changes(Kind::kUndrain), 1);
}

// A node that holds leases may not change its group, and must still be drained.
TEST_F(ReconcilerTest, DrainsWhatIsNotReadyThoughItsParticularsCannotChange) {
  Find({Decode("a")});
  ASSERT_THAT(router_->Place(Query("r")), IsOk());
  Endpoint moved = Decode("a", /*ready=*/false);
  moved.expert_group = "group";
  Find({moved});
  EXPECT_THAT(Nodes(), ElementsAre("a drained"));
}

TEST_F(ReconcilerTest, DrainsWhatIsGoneAndRemovesItAfterTheGrace) {
  Find({Decode("a"), Decode("b")});
  MustPlace("r");
  Find({Decode("b")});
  EXPECT_THAT(Nodes(), ElementsAre("a drained", "b"));
  clock_.Advance(kRemoveAfter - absl::Nanoseconds(1));
  EXPECT_EQ(reconciler_->Step(), absl::Nanoseconds(1)) << "when it is to be looked at again";
  EXPECT_THAT(Nodes(), ElementsAre("a drained", "b"));
  clock_.Advance(absl::Nanoseconds(1));
  reconciler_->Step();
  EXPECT_THAT(Nodes(), ElementsAre("b"));
}

TEST_F(ReconcilerTest, WhatComesBackWithinTheGraceIsTheSameNode) {
  Find({Decode("a")});
  const absl::Time registered = Status("a").register_time;
  MustPlace("r");
  Find({});
  clock_.Advance(kRemoveAfter / 2);
  Find({Decode("a")});
  EXPECT_THAT(Nodes(), ElementsAre("a"));
  EXPECT_EQ(Status("a").leases, 1u);
  EXPECT_EQ(Status("a").register_time, registered);
  Find({});
  clock_.Advance(kRemoveAfter / 2);
  reconciler_->Step();
  EXPECT_THAT(Nodes(), ElementsAre("a drained")) << "each time has a grace of its own";
}

TEST_F(ReconcilerTest, AnotherProcessTakesTheIdAtOnce) {
  Endpoint endpoint = Decode("a");
  endpoint.instance = "uid-1";
  Find({endpoint});
  MustPlace("r");
  endpoint.instance = "uid-2";
  Find({endpoint});
  EXPECT_THAT(Nodes(), ElementsAre("a"));
  EXPECT_EQ(Status("a").leases, 0u) << "the process that ran it is gone";
  MustPlace("r2");
  endpoint.address = "elsewhere:8000";
  Find({endpoint});
  EXPECT_EQ(Status("a").spec.address, "elsewhere:8000");
  EXPECT_EQ(Status("a").leases, 0u);
  endpoint.address = "a:8000";
  endpoint.ready = false;
  Find({endpoint});
  EXPECT_THAT(Nodes(), IsEmpty()) << "its successor is not ready yet";
}

TEST_F(ReconcilerTest, DoesNotTouchANodeThatSendsHeartbeats) {
  NodeSpec spec = HeartbeatingNode("a");
  spec.address = "a:8000";
  ASSERT_THAT(router_->RegisterNode(spec), IsOk());
  Hear({"a"});
  Find({Decode("a")});
  Find({Decode("a", false)});
  EXPECT_THAT(Nodes(), ElementsAre("a beats"));
  EXPECT_EQ(metrics_.nodes_with_heartbeats.Value(), 1);
  Find({});
  clock_.Advance(kRemoveAfter);
  Hear({"a"});
  reconciler_->Step();
  EXPECT_THAT(Nodes(), ElementsAre("a beats"));
}

TEST_F(ReconcilerTest, GivesWayToAnAgentThatTakesTheId) {
  Find({Decode("a")});
  NodeSpec spec = HeartbeatingNode("a");
  spec.address = "a:8000";
  spec.incarnation = 7;
  ASSERT_THAT(router_->RegisterNode(spec), IsOk());
  Find({});
  clock_.Advance(kRemoveAfter);
  reconciler_->Step();
  EXPECT_THAT(Nodes(), ElementsAre("a beats"));
}

TEST_F(ReconcilerTest, GivesWayToAnAgentBesideUnderAnotherId) {
  NodeSpec spec = HeartbeatingNode("agent");
  spec.address = "a:8000";
  ASSERT_THAT(router_->RegisterNode(spec), IsOk());
  Find({Decode("a")});
  EXPECT_THAT(Nodes(), ElementsAre("agent beats")) << "one engine is one node";
  // The other way round: the agent comes later.
  Find({Decode("a"), Decode("b")});
  MustPlace("r");
  spec.node_id = "agent-b";
  spec.address = "b:8000";
  ASSERT_THAT(router_->RegisterNode(spec), IsOk());
  reconciler_->Step();
  EXPECT_THAT(Nodes(), ElementsAre("agent beats", "agent-b beats", "b drained"));
  EXPECT_EQ(Status("b").leases, 1u);
  clock_.Advance(kRemoveAfter);
  reconciler_->Step();
  EXPECT_THAT(Nodes(), ElementsAre("agent beats", "agent-b beats"));
}

TEST_F(ReconcilerTest, AnAgentOfOneRankLeavesTheOthersToDiscovery) {
  NodeSpec spec = HeartbeatingNode("agent");
  spec.address = "h:8000";
  spec.dp_rank = 0;
  ASSERT_THAT(router_->RegisterNode(spec), IsOk());
  std::vector<Endpoint> ranks = {Decode("h-rank-0"), Decode("h-rank-1")};
  for (std::uint32_t i = 0; i < 2; ++i) {
    ranks[i].address = "h:8000";
    ranks[i].rank = i;
  }
  Find(ranks);
  EXPECT_THAT(Nodes(), ElementsAre("agent beats", "h-rank-1"));
}

TEST_F(ReconcilerTest, LeavesAloneWhatSomebodyRegisteredByHand) {
  RegisterNodes({"a", "other"});
  Find({Decode("a", false)});
  Find({});
  clock_.Advance(kRemoveAfter);
  reconciler_->Step();
  EXPECT_THAT(Nodes(), ElementsAre("a", "other"));
  Find({Decode("a")});
  EXPECT_EQ(metrics_.nodes_taken.Value(), 1);
}

TEST_F(ReconcilerTest, KeepsAnOperatorsDrain) {
  Find({Decode("a")});
  ASSERT_THAT(router_->DrainNode("a"), IsOk());
  reconciler_->Step();
  EXPECT_THAT(Nodes(), ElementsAre("a drained"));
  Find({Decode("a", false)});
  Find({Decode("a")});
  EXPECT_THAT(Nodes(), ElementsAre("a drained"));
}

TEST_F(ReconcilerTest, PutsBackWhatSomebodyRemovedByHand) {
  Find({Decode("a")});
  ASSERT_THAT(router_->RemoveNode("a"), IsOk());
  reconciler_->Step();
  EXPECT_THAT(Nodes(), ElementsAre("a"));
}

TEST_F(ReconcilerTest, ANewProcessRemovesWhatWentMeanwhile) {
  Find({Decode("a"), Decode("b"), Decode("c")});
  Find({Decode("a"), Decode("b", false), Decode("c")});
  Restart();
  reconciler_->Step();
  clock_.Advance(absl::Hours(1));
  reconciler_->Step();
  EXPECT_THAT(Nodes(), ElementsAre("a", "b drained", "c"))
      << "as long as nobody has told the whole list, all may be there";
  Find({Decode("a"), Decode("b")});
  EXPECT_THAT(Nodes(), ElementsAre("a", "b", "c drained")) << "what was drained is known";
  clock_.Advance(kRemoveAfter);
  reconciler_->Step();
  EXPECT_THAT(Nodes(), ElementsAre("a", "b"));
}

TEST_F(ReconcilerTest, NodesOfASourceThatIsOffGo) {
  Find({Decode("a")});
  list_ = std::make_unique<EndpointList>("file", 10, [] {});
  Reconciler other(kRemoveAfter, {list_.get()}, *router_, clock_, log_, metrics_);
  other.Step();
  clock_.Advance(kRemoveAfter);
  other.Step();
  EXPECT_THAT(Nodes(), IsEmpty());
}

TEST_F(ReconcilerTest, TheFirstOfTwoSourcesHasAnId) {
  EndpointList file("file", 10, [] {});
  Endpoint endpoint = Decode("a");
  endpoint.address = "file:1";
  ASSERT_THAT(file.SetAll({{"a", {endpoint}}}), IsOk());
  ASSERT_THAT(list_->SetAll({{"a", {Decode("a")}}}), IsOk());
  Reconciler both(kRemoveAfter, {&file, list_.get()}, *router_, clock_, log_, metrics_);
  both.Step();
  both.Step();
  EXPECT_EQ(Status("a").spec.address, "file:1");
  EXPECT_EQ(metrics_.nodes_taken.Value(), 1);
}

TEST_F(ReconcilerTest, TellsOnceWhyANodeIsRefusedAndTriesAgain) {
  Endpoint endpoint = Decode("a");
  endpoint.model = "later";
  Find({endpoint});
  reconciler_->Step();
  reconciler_->Step();
  EXPECT_EQ(metrics_.nodes_refused.Value(), 1);
  EXPECT_EQ(metrics_.refused_changes.Value(), 3);
  const std::string log = LogText();
  EXPECT_THAT(log, HasSubstr("discovery_refused"));
  EXPECT_THAT(log, HasSubstr("later"));
  EXPECT_EQ(log.find("discovery_refused"), log.rfind("discovery_refused"));
  ASSERT_THAT(router_->DeclareModel({.name = "later", .geometry = geometry_, .settings = {}}),
              IsOk());
  reconciler_->Step();
  EXPECT_THAT(Nodes(), ElementsAre("a"));
  EXPECT_EQ(metrics_.nodes_refused.Value(), 0);
}

TEST_F(ReconcilerTest, WhatIsGoneMakesRoom) {
  Router::Options options;
  options.max_nodes_per_model = 1;
  Start(options, {});
  Restart();
  Find({Decode("a")});
  Find({Decode("b")});
  EXPECT_THAT(Nodes(), ElementsAre("a drained"));
  EXPECT_EQ(metrics_.nodes_refused.Value(), 1);
  clock_.Advance(kRemoveAfter);
  reconciler_->Step();
  EXPECT_THAT(Nodes(), ElementsAre("b"));
}

}  // namespace
}  // namespace eldr
