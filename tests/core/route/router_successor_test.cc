// Nodes that are gone: who may take their id and their place, and how long they are kept.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/route/router.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/router_fixture.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RouterSuccessorTest : public RouterFixture {
 protected:
  static NodeSpec Spec(const std::string& id, const std::string& address,
                       std::uint64_t incarnation) {
    NodeSpec spec = HeartbeatingNode(id);
    spec.address = address;
    spec.incarnation = incarnation;
    return spec;
  }
  // "old" is lost, two others live.
  void LoseOld() {
    RegisterAndHear({"x", "y"});
    ASSERT_THAT(router_->RegisterNode(Spec("old", "10.0.0.7:8000", 5)), IsOk());
    Hear({"old"});
    PassWithout(11, {"x", "y"});
    ASSERT_EQ(Status("old").state, NodeState::kLost);
    observer_.Take();
  }
  // Seconds in which only `heard` are heard.
  void PassWithout(int seconds, std::initializer_list<std::string> heard) {
    for (int second = 0; second < seconds; ++second) {
      clock_.Advance(absl::Seconds(1));
      Hear(heard);
    }
    router_->Step();
  }
  std::vector<std::string> Ids() {
    std::vector<std::string> ids;
    const auto nodes = router_->ListNodes("");
    for (const NodeStatus& node : *nodes) ids.push_back(node.spec.node_id);
    return ids;
  }
};

TEST_F(RouterSuccessorTest, ALostNodeGivesWayToOneAtAnotherAddress) {
  LoseOld();
  const auto result = router_->RegisterNode(Spec("old", "10.0.0.9:8000", 5));
  ASSERT_THAT(result, IsOk());
  EXPECT_TRUE(result->created);
  EXPECT_EQ(result->state, NodeState::kJoining);
  EXPECT_THAT(observer_.Take(), ElementsAre("old registered", "old: lost -> joining"));
  Hear({"old"});
  EXPECT_EQ(Status("old").spec.address, "10.0.0.9:8000");
  EXPECT_EQ(Status("old").state, NodeState::kReady);
}

TEST_F(RouterSuccessorTest, ALostNodeGivesWayToOneWithASmallerIncarnation) {
  LoseOld();
  EXPECT_TRUE(router_->RegisterNode(Spec("old", "10.0.0.7:8000", 3))->created);
  NodeReport report = Report("old");
  report.incarnation = 3;
  EXPECT_THAT(router_->Heartbeat(report), IsOk());
}

TEST_F(RouterSuccessorTest, ALostNodeGivesWayToOneOfAnotherModel) {
  ASSERT_THAT(router_->DeclareModel({"other", geometry_, {}}), IsOk());
  LoseOld();
  NodeSpec spec = Spec("old", "10.0.0.7:8000", 5);
  spec.model = "other";
  EXPECT_TRUE(router_->RegisterNode(spec)->created);
  EXPECT_THAT(observer_.Take(), ElementsAre("old removed", "old registered"));
  EXPECT_EQ(router_->ListNodes("other")->size(), 1u);
  EXPECT_EQ(router_->ListNodes(kModel)->size(), 2u);
  EXPECT_EQ(router_->Heartbeat(Report("old"))->state, NodeState::kReady);
  router_->Step();
  EXPECT_THAT(router_->Heartbeat(Report("old")), IsOk());
}

TEST_F(RouterSuccessorTest, NothingGoesIfTheNewRegistrationIsMalformed) {
  ASSERT_THAT(router_->DeclareModel({"other", geometry_, {}}), IsOk());
  LoseOld();
  NodeSpec spec = Spec("old", "", 5);
  spec.model = "other";
  EXPECT_THAT(router_->RegisterNode(spec), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(Status("old").state, NodeState::kLost);
}

TEST_F(RouterSuccessorTest, TheSameProcessOfALostNodeKeepsItsPlace) {
  LoseOld();
  const auto again = router_->RegisterNode(Spec("old", "10.0.0.7:8000", 5));
  EXPECT_FALSE(again->created);
  EXPECT_EQ(again->state, NodeState::kLost);
}

TEST_F(RouterSuccessorTest, OneThatWasNeverHeardGivesWayAfterNodeTimeout) {
  ASSERT_THAT(router_->RegisterNode(Spec("a", "one:1", 0)), IsOk());
  clock_.Advance(absl::Seconds(10));
  EXPECT_THAT(router_->RegisterNode(Spec("a", "two:1", 0)),
              StatusIs(absl::StatusCode::kAlreadyExists));
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_THAT(router_->RegisterNode(Spec("a", "two:1", 0)), IsOk());
}

TEST_F(RouterSuccessorTest, WhileTheOldOneIsHeardTheAnswerNamesTheRemedies) {
  ASSERT_THAT(router_->DeclareModel({"other", geometry_, {}}), IsOk());
  ASSERT_THAT(router_->RegisterNode(Spec("a", "one:1", 5)), IsOk());
  Hear({"a"});
  clock_.Advance(absl::Seconds(2));
  const auto remedies = AllOf(HasSubstr("was heard 2s ago"), HasSubstr("an id of its own"),
                              HasSubstr("remove the other"), HasSubstr("once it is lost"));
  EXPECT_THAT(router_->RegisterNode(Spec("a", "two:1", 5)),
              StatusIs(absl::StatusCode::kAlreadyExists,
                       AllOf(remedies, HasSubstr("a higher incarnation"))));
  EXPECT_THAT(router_->RegisterNode(Spec("a", "one:1", 4)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(remedies, HasSubstr("clock was ahead"))));
  NodeSpec other = Spec("a", "one:1", 6);
  other.model = "other";
  EXPECT_THAT(router_->RegisterNode(other), StatusIs(absl::StatusCode::kAlreadyExists, remedies));
}

TEST_F(RouterSuccessorTest, TheOldOneIsRefusedWithAReasonAfterwards) {
  LoseOld();
  ASSERT_THAT(router_->RegisterNode(Spec("old", "10.0.0.9:8000", 3)), IsOk());
  Hear({"old"});
  NodeReport late = Report("old");
  late.incarnation = 5;
  EXPECT_THAT(router_->Heartbeat(late),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("incarnation: got 5, expected 3"),
                             HasSubstr("its successor at 10.0.0.9:8000 took the id"))));
  // Nor may it take the id back by its incarnation, which is the higher one, while that one lives.
  EXPECT_THAT(router_->RegisterNode(Spec("old", "10.0.0.7:8000", 5)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("lost the id \"old\" to its successor at 10.0.0.9:8000")));
  EXPECT_THAT(router_->RegisterNode(Spec("old", "10.0.0.8:8000", 6)), IsOk());
}

TEST_F(RouterSuccessorTest, AHeartbeatThatTellsItsAddressOrModelIsHeldToIt) {
  LoseOld();
  ASSERT_THAT(router_->RegisterNode(Spec("old", "10.0.0.9:8000", 5)), IsOk());
  NodeReport report = Report("old");
  report.address = "10.0.0.7:8000";
  EXPECT_THAT(router_->Heartbeat(report),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("address: got \"10.0.0.7:8000\", expected \"10.0.0.9:8000\"")));
  EXPECT_EQ(Status("old").state, NodeState::kJoining);
  report.address = "10.0.0.9:8000";
  report.model = "other";
  EXPECT_THAT(router_->Heartbeat(report),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("model: got \"other\"")));
  report.model = kModel;
  EXPECT_THAT(router_->Heartbeat(report), IsOk());
}

TEST_F(RouterSuccessorTest, ALostNodeIsForgottenAfterItsTime) {
  Router::Options options;
  options.forget_lost_after = absl::Seconds(60);
  Start(options, {});
  LoseOld();
  PassWithout(59, {"x", "y"});
  EXPECT_THAT(Ids(), ElementsAre("old", "x", "y"));
  PassWithout(1, {"x", "y"});
  EXPECT_THAT(Ids(), ElementsAre("x", "y"));
  EXPECT_THAT(observer_.Take(), ElementsAre("old removed"));
  EXPECT_THAT(router_->Heartbeat(Report("old")), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_FALSE(router_->RemoveNode("old")->removed);
  EXPECT_TRUE(router_->RegisterNode(Spec("old", "10.0.0.7:8000", 1))->created);
}

TEST_F(RouterSuccessorTest, OneThatComesBackInTimeIsNotForgotten) {
  Router::Options options;
  options.forget_lost_after = absl::Seconds(60);
  Start(options, {});
  LoseOld();
  PassWithout(50, {"x", "y"});
  Hear({"old"});
  PassWithout(50, {"old", "x", "y"});
  EXPECT_EQ(Status("old").state, NodeState::kReady);
  // Lost again, it has the whole time anew.
  PassWithout(69, {"x", "y"});
  EXPECT_EQ(Status("old").state, NodeState::kLost);
}

TEST_F(RouterSuccessorTest, TheOneThatWasLostFirstMakesRoomForANewOne) {
  Router::Options options;
  options.max_nodes_per_model = 4;
  Start(options, {});
  RegisterAndHear({"live", "second", "first"});
  PassWithout(2, {"live", "second"});
  PassWithout(12, {"live"});
  ASSERT_EQ(Status("first").state, NodeState::kLost);
  ASSERT_EQ(Status("second").state, NodeState::kLost);
  RegisterNodes({"new1", "new2"});
  EXPECT_THAT(Ids(), ElementsAre("live", "new1", "new2", "second"));
  RegisterNodes({"new3"});
  EXPECT_THAT(Ids(), ElementsAre("live", "new1", "new2", "new3"));
  EXPECT_THAT(router_->RegisterNode(Node("new4")),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("limits.nodes_per_model"), HasSubstr("none is lost"))));
}

TEST_F(RouterSuccessorTest, OneThatHasYetToBeHeardMakesRoomLastAndNotSoon) {
  Router::Options options;
  options.max_nodes_per_model = 1;
  Start(options, {});
  ASSERT_THAT(router_->RegisterNode(HeartbeatingNode("loading")), IsOk());
  clock_.Advance(absl::Minutes(9));
  EXPECT_THAT(router_->RegisterNode(Node("new")), StatusIs(absl::StatusCode::kResourceExhausted));
  clock_.Advance(absl::Minutes(1));
  EXPECT_THAT(router_->RegisterNode(Node("new")), IsOk());
  EXPECT_THAT(Ids(), ElementsAre("new"));
}

TEST_F(RouterSuccessorTest, ForgottenIdsAreForgottenByTheRouterToo) {
  Router::Options options;
  options.max_nodes_per_model = 3;
  Start(options, {});
  ASSERT_THAT(router_->DeclareModel({"other", geometry_, {}}), IsOk());
  LoseOld();
  RegisterNodes({"new"});  // "old" makes room
  router_->Step();
  EXPECT_THAT(router_->DrainNode("old"), StatusIs(absl::StatusCode::kNotFound));
  NodeSpec spec = Node("old");
  spec.model = "other";
  EXPECT_THAT(router_->RegisterNode(spec), IsOk());
  router_->Step();
  EXPECT_THAT(router_->DrainNode("old"), IsOkAndHolds(0u));
}

TEST_F(RouterSuccessorTest, TwoNodesAtOneAddressAndRankAreNoticed) {
  const auto at = [](const std::string& id, std::optional<std::uint32_t> rank) {
    NodeSpec spec = Node(id);
    spec.address = "10.0.0.7:8000";
    spec.dp_rank = rank;
    return spec;
  };
  EXPECT_EQ(router_->RegisterNode(at("a", 0))->shares_address_with, "");
  EXPECT_EQ(router_->RegisterNode(at("b", 1))->shares_address_with, "");
  observer_.Take();
  EXPECT_EQ(router_->RegisterNode(at("c", 1))->shares_address_with, "b");
  EXPECT_THAT(observer_.Take(),
              ElementsAre("c registered", "c: joining -> ready", "c shares the address of b"));
  // One without a rank is the whole engine.
  EXPECT_EQ(router_->RegisterNode(at("d", std::nullopt))->shares_address_with, "a");
  // An equal registration again tells so again, and leaves no second line.
  observer_.Take();
  EXPECT_EQ(router_->RegisterNode(at("c", 1))->shares_address_with, "b");
  EXPECT_THAT(observer_.Take(), IsEmpty());
}

TEST_F(RouterSuccessorTest, ALostNodeSharesNoAddress) {
  LoseOld();
  EXPECT_EQ(router_->RegisterNode(Spec("new", "10.0.0.7:8000", 1))->shares_address_with, "");
}

}  // namespace
}  // namespace eldr
