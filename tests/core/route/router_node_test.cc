// Nodes: registration, incarnations, drain, removal, expert groups.
#include <string>
#include <vector>

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

class RouterNodeTest : public RouterFixture {};

TEST_F(RouterNodeTest, OneWithoutHeartbeatsIsReadyAtOnceAndNeverLost) {
  const auto result = router_->RegisterNode(Node("a"));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->state, NodeState::kReady);
  EXPECT_TRUE(result->created);
  EXPECT_EQ(Status("a").register_time, clock_.Wall());
  EXPECT_EQ(Status("a").heartbeat_age, std::nullopt);
  clock_.Advance(absl::Hours(100));
  router_->Step();
  EXPECT_EQ(Status("a").state, NodeState::kReady);
  MustPlace("r");
  EXPECT_THAT(observer_.Take(), ElementsAre("a registered", "a: joining -> ready"));
}

TEST_F(RouterNodeTest, OneWithHeartbeatsJoinsWithTheFirst) {
  EXPECT_EQ(router_->RegisterNode(HeartbeatingNode("a"))->state, NodeState::kJoining);
  EXPECT_THAT(router_->Place(Query("r")),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("1 joining")));
  clock_.Advance(absl::Hours(1));  // however long that takes
  router_->Step();
  EXPECT_EQ(Status("a").state, NodeState::kJoining);
  const auto heard = router_->Heartbeat(Report("a"));
  ASSERT_THAT(heard, IsOk());
  EXPECT_EQ(heard->state, NodeState::kReady);
  MustPlace("r");
}

TEST_F(RouterNodeTest, AnEqualRegistrationAgainIsOkAndKeepsLeases) {
  RegisterNodes({"a"});
  const Placement placement = MustPlace("r");
  observer_.Take();
  NodeSpec spec = Node("a");
  spec.capacity = 1;
  spec.labels["rack"] = "7";
  const auto again = router_->RegisterNode(spec);
  ASSERT_THAT(again, IsOk());
  EXPECT_FALSE(again->created);
  EXPECT_EQ(again->ended_leases, 0u);
  EXPECT_EQ(Status("a").spec.labels.at("rack"), "7");
  EXPECT_THAT(router_->Place(Query("r2")), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(MustPlace("r").lease_id, placement.lease_id);
  EXPECT_THAT(observer_.Take(), IsEmpty());
}

TEST_F(RouterNodeTest, OneThatBeginsToSendHeartbeatsKeepsItsLeasesIfItIsHeardInTime) {
  RegisterNodes({"a"});
  const Placement placement = MustPlace("r");
  EXPECT_EQ(router_->RegisterNode(HeartbeatingNode("a"))->state, NodeState::kReady);
  clock_.Advance(absl::Seconds(9));
  EXPECT_EQ(MustPlace("r").lease_id, placement.lease_id);
  Hear({"a"});
  clock_.Advance(absl::Seconds(9));
  EXPECT_EQ(MustPlace("r").lease_id, placement.lease_id);

  // And to stop and begin again: what was heard long ago is no silence.
  ASSERT_THAT(router_->RegisterNode(Node("a")), IsOk());
  clock_.Advance(absl::Hours(1));
  ASSERT_THAT(router_->RegisterNode(HeartbeatingNode("a")), IsOk());
  router_->Step();
  EXPECT_EQ(Status("a").state, NodeState::kReady);
  clock_.Advance(absl::Seconds(11));
  router_->Step();
  EXPECT_EQ(Status("a").state, NodeState::kLost);
}

TEST_F(RouterNodeTest, AnotherAddressNeedsAHigherIncarnation) {
  NodeSpec spec = Node("a");
  spec.incarnation = 5;
  ASSERT_THAT(router_->RegisterNode(spec), IsOk());
  spec.address = "elsewhere:1";
  EXPECT_THAT(router_->RegisterNode(spec),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("same incarnation (5)")));
  spec = Node("a");
  spec.incarnation = 5;
  spec.dp_rank = 1;
  EXPECT_THAT(router_->RegisterNode(spec), StatusIs(absl::StatusCode::kAlreadyExists));
  spec.incarnation = 4;
  EXPECT_THAT(router_->RegisterNode(spec),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("node.incarnation: got 4, expected at least 5")));
  EXPECT_EQ(Status("a").spec.address, "a.example:8000");
}

TEST_F(RouterNodeTest, AHigherIncarnationReplacesTheAddressAndStartsEmpty) {
  RegisterAndHear({"a"});
  MustPlace("r1");
  MustPlace("r2");
  observer_.Take();
  NodeSpec spec = HeartbeatingNode("a");
  spec.incarnation = 1;
  spec.address = "elsewhere:1";
  const auto result = router_->RegisterNode(spec);
  ASSERT_THAT(result, IsOk());
  EXPECT_TRUE(result->created);
  EXPECT_EQ(result->ended_leases, 2u);
  EXPECT_EQ(result->state, NodeState::kJoining);
  EXPECT_THAT(observer_.Take(), ElementsAre("node_removed r1 on a", "node_removed r2 on a",
                                            "a registered", "a: ready -> joining"));
  EXPECT_EQ(Status("a").heartbeat_age, std::nullopt);
  EXPECT_EQ(Activation("a"), std::vector<float>(16, 0.0f));
  Hear({"a"});
  EXPECT_EQ(MustPlace("r1").node.address, "elsewhere:1");
}

TEST_F(RouterNodeTest, WhatLeasesRestOnMustStayWhileThereAreAny) {
  RegisterNodes({"a"});
  NodeSpec spec = Node("a");
  spec.expert_group = "engine";
  spec.tokens_per_step = 3;
  ASSERT_THAT(router_->RegisterNode(spec), IsOk());  // no lease yet
  MustPlace("r");
  const auto refused = StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("holds 1 leases"));
  spec.tokens_per_step = 2;
  EXPECT_THAT(router_->RegisterNode(spec), refused);
  spec.tokens_per_step = 3;
  spec.expert_group = "";
  EXPECT_THAT(router_->RegisterNode(spec), refused);
  spec.incarnation = 1;
  EXPECT_EQ(router_->RegisterNode(spec)->ended_leases, 1u);
}

TEST_F(RouterNodeTest, AnIdNamesANodeOfOneModel) {
  ASSERT_THAT(router_->DeclareModel({"other", geometry_, {}}), IsOk());
  RegisterNodes({"a"});
  NodeSpec spec = Node("a");
  spec.model = "other";
  spec.incarnation = 9;
  EXPECT_THAT(router_->RegisterNode(spec), StatusIs(absl::StatusCode::kAlreadyExists,
                                                    HasSubstr("registered for model \"moe\"")));
  ASSERT_THAT(router_->RemoveNode("a"), IsOk());
  EXPECT_THAT(router_->RegisterNode(spec), IsOk());
}

TEST_F(RouterNodeTest, MoreNodesThanTheLimitAreRefused) {
  Router::Options options;
  options.max_nodes_per_model = 2;
  Start(options, {});
  RegisterNodes({"a", "b"});
  EXPECT_THAT(
      router_->RegisterNode(Node("c")),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("limits.nodes_per_model: model")));
  EXPECT_THAT(router_->RegisterNode(Node("b")), IsOk());
  EXPECT_THAT(router_->Heartbeat(Report("c")), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(RouterNodeTest, DrainingTakesNoNewPlacementsAndKeepsTheOldLeases) {
  RegisterNodes({"a", "b"});
  const Ids only_a = {"a"};
  PlacementQuery query = Query("old");
  query.allow_nodes = only_a;
  MustPlace(query);
  observer_.Take();
  EXPECT_THAT(router_->DrainNode("a"), IsOkAndHolds(1u));
  EXPECT_THAT(router_->DrainNode("a"), IsOkAndHolds(1u));
  EXPECT_TRUE(Status("a").draining);
  EXPECT_EQ(Status("a").state, NodeState::kReady);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(MustPlace(absl::StrCat("r", i)).node.node_id, "b");
  EXPECT_EQ(router_->Renew(Key("old"), {})->outcome, LeaseOutcome::kDone);
  EXPECT_EQ(MustRelease("old"), LeaseOutcome::kDone);
  EXPECT_THAT(router_->UndrainNode("a"), IsOkAndHolds(NodeState::kReady));
  EXPECT_THAT(router_->UndrainNode("a"), IsOkAndHolds(NodeState::kReady));
  query.request_id = "new";
  MustPlace(query);
  EXPECT_THAT(observer_.Take(), ElementsAre("a draining", "released old on a", "a not draining"));
}

TEST_F(RouterNodeTest, RemovalEndsItsLeasesAndForgetsIt) {
  RegisterNodes({"a"});
  MustPlace("r1");
  MustPlace("r2");
  observer_.Take();
  const auto removed = router_->RemoveNode("a");
  ASSERT_THAT(removed, IsOk());
  EXPECT_TRUE(removed->removed);
  EXPECT_EQ(removed->ended_leases, 2u);
  EXPECT_THAT(observer_.Take(),
              ElementsAre("node_removed r1 on a", "node_removed r2 on a", "a removed"));
  EXPECT_THAT(router_->ListNodes(""), IsOkAndHolds(IsEmpty()));
  EXPECT_FALSE(router_->RemoveNode("a")->removed);
  EXPECT_THAT(router_->Place(Query("r1")), StatusIs(absl::StatusCode::kUnavailable));
  RegisterNodes({"b"});
  EXPECT_EQ(MustPlace("r1").node.node_id, "b");
}

TEST_F(RouterNodeTest, RanksOfOneEngineShareResidencyAndStepTimeButNotLeases) {
  for (const char* id : {"rank0", "rank1"}) {
    NodeSpec spec = Node(id);
    spec.expert_group = "engine";
    spec.capacity = 1;
    ASSERT_THAT(router_->RegisterNode(spec), IsOk());
  }
  const std::string first(MustPlace("r1").node.node_id);
  const std::string second(MustPlace("r2").node.node_id);
  EXPECT_NE(first, second);
  EXPECT_THAT(router_->Place(Query("r3")), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(Status("rank0").leases, 1u);
  EXPECT_EQ(Status("rank0").load, 1u);
  EXPECT_EQ(Activation("rank0"), Activation("rank1"));
  EXPECT_EQ(Status("rank0").predicted_step_time, Status("rank1").predicted_step_time);
  const auto residency = router_->GetResidency("rank0");
  EXPECT_EQ(residency->expert_group, "engine");
  EXPECT_EQ(residency->leases, 2u);
  // One rank goes: its own leases go with it, the group lives on.
  ASSERT_THAT(router_->RemoveNode(first), IsOk());
  EXPECT_EQ(router_->GetResidency(second)->leases, 1u);
}

TEST_F(RouterNodeTest, ANodesExpectedExpertsAndStepTimeFollowItsLeases) {
  RegisterNodes({"a"});
  EXPECT_EQ(Status("a").expected_experts_per_layer, 0);
  EXPECT_EQ(Status("a").predicted_step_time, std::nullopt);
  MustPlace("r");
  // The prior activates 2 of 8 experts in each layer: 4 ms + 20 ms * 4 / 16 + 0.03 ms.
  EXPECT_NEAR(Status("a").expected_experts_per_layer, 2, 0.05);
  EXPECT_NEAR(absl::ToDoubleMilliseconds(*Status("a").predicted_step_time), 9.03, 0.1);
}

TEST_F(RouterNodeTest, TokensPerStepMultiplyWhatARequestActivates) {
  NodeSpec spec = Node("a");
  spec.tokens_per_step = 4;
  ASSERT_THAT(router_->RegisterNode(spec), IsOk());
  const Placement placement = MustPlace("r");
  // 1 - (1 - 1/4)^4 of 16 cells.
  EXPECT_NEAR(placement.marginal_experts, 16 * (1 - 0.75 * 0.75 * 0.75 * 0.75), 0.2);
  EXPECT_EQ(Status("a").load, 1u);
}

TEST_F(RouterNodeTest, NodesAreListedByModelAndId) {
  ASSERT_THAT(router_->DeclareModel({"alpha", geometry_, {}}), IsOk());
  RegisterNodes({"c", "a"});
  NodeSpec other = Node("b");
  other.model = "alpha";
  ASSERT_THAT(router_->RegisterNode(other), IsOk());
  const auto ids = [&](absl::string_view model) {
    const auto nodes = router_->ListNodes(model);
    std::vector<std::string> list;
    for (const NodeStatus& node : *nodes) list.push_back(node.spec.node_id);
    return list;
  };
  EXPECT_THAT(ids(""), ElementsAre("b", "a", "c"));
  EXPECT_THAT(ids(kModel), ElementsAre("a", "c"));
}

}  // namespace
}  // namespace eldr
