// Calls in a node's stead, which count only while the node is registered as their maker thinks.
#include "core/route/router.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/router_fixture.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class NodeGuardTest : public RouterFixture {
 protected:
  NodeGuardTest() {
    RegisterNodes({"a"});
    observer_.Take();
  }

  // Calls each, with a guard that answers `may`.
  std::vector<absl::Status> CallAll(bool may) {
    const auto answer = [&](const NodeSpec& registered) {
      asked_.push_back(registered.node_id);
      return may;
    };
    const NodeGuard guard = answer;
    NodeSpec spec = Node("a");
    spec.labels["told"] = "by another";
    std::vector<absl::Status> statuses;
    statuses.push_back(router_->RegisterNode(spec, guard).status());
    statuses.push_back(router_->Heartbeat(Report("a"), guard).status());
    statuses.push_back(router_->DrainNode("a", guard).status());
    statuses.push_back(router_->UndrainNode("a", guard).status());
    statuses.push_back(router_->RemoveNode("a", guard).status());
    return statuses;
  }

  std::vector<std::string> asked_;
};

TEST_F(NodeGuardTest, ThatSaysNoKeepsAllAsItIs) {
  for (const absl::Status& status : CallAll(false)) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition,
                                 HasSubstr("\"a\" is registered by another")));
  }
  EXPECT_THAT(observer_.Take(), IsEmpty());
  EXPECT_THAT(Status("a").spec.labels, IsEmpty());
  EXPECT_EQ(Status("a").heartbeat_age, std::nullopt);
}

TEST_F(NodeGuardTest, ThatSaysYesChangesNothing) {
  for (const absl::Status& status : CallAll(true)) EXPECT_THAT(status, IsOk());
  EXPECT_THAT(observer_.Take(), ElementsAre("a draining", "a not draining", "a removed"));
  EXPECT_THAT(asked_, ElementsAre("a", "a", "a", "a", "a"));
}

TEST_F(NodeGuardTest, IsNotAskedOfWhatIsNotRegistered) {
  const auto no = [](const NodeSpec&) { return false; };
  const NodeGuard guard = no;
  EXPECT_THAT(router_->RegisterNode(Node("b"), guard), IsOk());
  ASSERT_THAT(router_->RemoveNode("b"), IsOk());
  EXPECT_THAT(router_->Heartbeat(Report("b"), guard), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(router_->DrainNode("b", guard), StatusIs(absl::StatusCode::kNotFound));
  const auto removed = router_->RemoveNode("b", guard);
  ASSERT_THAT(removed, IsOk());
  EXPECT_FALSE(removed->removed);
}

}  // namespace
}  // namespace eldr
