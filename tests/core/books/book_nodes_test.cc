#include "core/books/book.h"
#include "tests/core/books/book_fixture.h"

namespace eldr {
namespace {

using Code = absl::StatusCode;
using BookNodesTest = BookFixture;

TEST_F(BookNodesTest, AnIdChangesHandsOnlyToAHigherIncarnation) {
  NodeSpec other = HeartbeatingNode("a");
  other.address = "elsewhere:1";
  ExpectRefused(NodeRegistered{other, absl::Time()}, Code::kAlreadyExists, "same incarnation");
  other.incarnation = 2;
  EXPECT_EQ(MustApply(NodeRegistered{other, absl::Time()}).registration, Registration::kSuccessor);
  ExpectRefused(NodeRegistered{Node("a"), absl::Time()}, Code::kFailedPrecondition, "at least 2");
}

TEST_F(BookNodesTest, NodesGoWithoutLeases) {
  MustApply(Start("r", "a"));
  NodeSpec successor = Node("a");
  successor.incarnation = 1;
  ExpectRefused(NodeRegistered{successor, absl::Time()}, Code::kFailedPrecondition,
                "holds 1 lease");
  ExpectRefused(NodeRemoved{"a"}, Code::kFailedPrecondition, "holds 1 lease");
  ExpectRefused(NodeLost{"a"}, Code::kFailedPrecondition, "holds 1 lease");
  MustApply(Finish("r"));
  MustApply(NodeRemoved{"a"});
  EXPECT_EQ(book_.FindNode("a"), nullptr);
  ExpectRefused(NodeDrained{"a", true}, Code::kNotFound, "\"a\" is not registered");
}

TEST_F(BookNodesTest, WhileItHoldsLeasesANodeKeepsItsGroup) {
  MustApply(Start("r", "a"));
  NodeSpec grouped = Node("a");
  grouped.expert_group = "g";
  ExpectRefused(NodeRegistered{grouped, absl::Time()}, Code::kFailedPrecondition, "expert_group");
}

TEST_F(BookNodesTest, ThereAreNoMoreNodesThanTheLimit) {
  MustApply(NodeRegistered{Node("c"), absl::Time()});
  ExpectRefused(NodeRegistered{Node("d"), absl::Time()}, Code::kResourceExhausted,
                "nodes_per_model");
}

TEST_F(BookNodesTest, AReportSetsTheLoadAndMakesANodeReady) {
  MustApply(NodeRegistered{HeartbeatingNode("c"), absl::Time()});
  const std::uint64_t version = book_.fleet_version();
  const Applied applied = MustApply(NodeReported{.node_id = "c", .running = 5, .queued = 2});
  EXPECT_EQ(applied.state_before, NodeState::kJoining);
  EXPECT_EQ(applied.node->state, NodeState::kReady);
  EXPECT_EQ(applied.node->Load(true), 7u);
  EXPECT_NE(book_.fleet_version(), version);
}

TEST_F(BookNodesTest, AReportRenewsTheLeasesThereThatItNames) {
  for (const char* id : {"named", "not named"}) MustApply(Start(id, "a"));
  MustApply(Start("elsewhere", "b"));
  const MonotonicTime before = book_.FindLease("named")->expires_at;
  const absl::Duration ttl = book_.FindLease("named")->ttl;
  now_ += absl::Seconds(5);
  MustApply(
      NodeReported{.node_id = "a", .running_requests = {"named", "elsewhere", "never heard of"}});
  EXPECT_EQ(book_.FindLease("named")->expires_at, now_ + ttl);
  EXPECT_EQ(book_.FindLease("not named")->expires_at, before);
  EXPECT_EQ(book_.FindLease("elsewhere")->expires_at, before);
  EXPECT_EQ(book_.leases().size(), 3u);
}

TEST_F(BookNodesTest, ALostNodeIsForgottenAfterAWhile) {
  MustApply(NodeLost{"a"});
  EXPECT_EQ(book_.next_forget(), now_ + absl::Minutes(10));
  EXPECT_THAT(book_.FindForgettable(now_), ::testing::IsEmpty());
  EXPECT_THAT(book_.FindForgettable(now_ + absl::Minutes(10)),
              ::testing::ElementsAre(book_.FindNode("a")));
  EXPECT_EQ(book_.FindDispensable(now_), book_.FindNode("a"));
}

}  // namespace
}  // namespace eldr
