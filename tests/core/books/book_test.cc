#include "core/books/book.h"

#include "tests/core/books/book_fixture.h"

namespace eldr {
namespace {

using Code = absl::StatusCode;
using BookTest = BookFixture;

TEST_F(BookTest, ARequestHasOneLease) {
  MustApply(Start("r", "a"));
  ExpectRefused(Start("r", "b"), Code::kFailedPrecondition, "holds a lease");
  ExpectRefused(Start("r", "b", LeaseOrigin::kAdopted), Code::kFailedPrecondition, "holds a lease");
  ExpectRefused(Start("s", "b", LeaseOrigin::kMoved), Code::kFailedPrecondition, "holds no lease");
}

TEST_F(BookTest, AMoveIsOneChange) {
  MustApply(Start("r", "a"));
  const Applied moved = MustApply(Start("r", "b", LeaseOrigin::kMoved));
  ASSERT_NE(moved.ended_lease, nullptr);
  EXPECT_EQ(moved.ended_lease->node, book_.FindNode("a"));
  EXPECT_EQ(moved.lease, book_.FindLease("r"));
  EXPECT_EQ(book_.FindNode("a")->leases, 0u);
  EXPECT_EQ(book_.FindNode("b")->leases, 1u);
}

TEST_F(BookTest, LeaseIdsOnlyGrow) {
  MustApply(Start("r", "a"));
  MustApply(Start("s", "a"));
  MustApply(Finish("s"));
  LeaseStarted again = Start("t", "a");
  again.lease.id = book_.last_lease_id();
  ExpectRefused(again, Code::kFailedPrecondition, "expected more than");
}

TEST_F(BookTest, ANodeTakesAsManyLeasesAsItsCapacity) {
  NodeSpec spec = Node("a");
  spec.capacity = 1;
  MustApply(NodeRegistered{spec, absl::Time()});
  MustApply(Start("r", "a"));
  ExpectRefused(Start("s", "a"), Code::kResourceExhausted, "node \"a\" is full");
  // What runs there runs there, whatever the node said of its capacity.
  MustApply(Start("s", "a", LeaseOrigin::kAdopted));
}

TEST_F(BookTest, ANodeTakesNoMoreKvThanItHas) {
  NodeSpec spec = Node("a");
  spec.kv_capacity_tokens = 100;
  MustApply(NodeRegistered{spec, absl::Time()});
  LeaseStarted started = Start("r", "a");
  started.lease.kv_tokens = 101;
  ExpectRefused(started, Code::kResourceExhausted, "full");
  started.lease.kv_tokens = 100;
  MustApply(started);
}

TEST_F(BookTest, OneRequestHasBoundedTokensPerStep) {
  LeaseStarted started = Start("r", "a");
  started.lease.sequences = 8193;
  ExpectRefused(started, Code::kResourceExhausted, "full");
}

TEST_F(BookTest, ThereAreNoMoreLeasesThanTheLimit) {
  for (int i = 0; i < 4; ++i) MustApply(Start("r" + std::to_string(i), "a"));
  ExpectRefused(Start("s", "a"), Code::kResourceExhausted, "leases_per_model");
  ExpectRefused(Start("s", "a", LeaseOrigin::kAdopted), Code::kFailedPrecondition, "does not fit");
  MustApply(Start("r0", "b", LeaseOrigin::kMoved));  // one for another
}

TEST_F(BookTest, OnlyNodesThatAreReadyTakePlacements) {
  MustApply(NodeRegistered{HeartbeatingNode("c"), absl::Time()});
  ExpectRefused(Start("r", "c"), Code::kFailedPrecondition, "not ready");
  ExpectRefused(Start("r", "nobody"), Code::kNotFound, "nobody");
  MustApply(NodeLeaving{"a"});
  ExpectRefused(Start("r", "a"), Code::kFailedPrecondition, "not ready");
}

TEST_F(BookTest, AContributionIsOfTheModelsCells) {
  LeaseStarted started = Start("r", "a");
  started.codes.pop_back();
  ExpectRefused(started, Code::kInvalidArgument, "codes: got 15, expected 16");
  MustApply(Start("r", "a"));
  LeaseUpdated updated;
  updated.lease = RecordOf(*book_.FindLease("r"));
  ExpectRefused(updated, Code::kInvalidArgument, "codes: got 0");
}

TEST_F(BookTest, AChangeNamesTheLeaseThatIsHeld) {
  MustApply(Start("r", "a"));
  const std::uint64_t id = book_.last_lease_id();
  ExpectRefused(LeaseFinished{id + 1, "r", LeaseEnd::kReleased}, Code::kFailedPrecondition,
                "holds lease");
  ExpectRefused(LeaseRenewed{id, "s", absl::Seconds(60)}, Code::kFailedPrecondition, "no lease");
  ExpectRefused(LeaseFinished{id, "r", LeaseEnd::kMoved}, Code::kInvalidArgument, "moved");
  ExpectRefused(LeaseRenewed{id, "r", absl::Hours(2)}, Code::kInvalidArgument, "lease_ttl");
}

TEST_F(BookTest, ARenewalLastsFromItsChangeOn) {
  MustApply(Start("r", "a"));
  now_ += absl::Seconds(50);
  MustApply(LeaseRenewed{book_.last_lease_id(), "r", absl::Seconds(30)});
  EXPECT_EQ(book_.FindLease("r")->expires_at, now_ + absl::Seconds(30));
}

TEST_F(BookTest, WhatEndedOnANodeIsNotAdoptedThereForAWhile) {
  MustApply(NodeRegistered{HeartbeatingNode("c"), absl::Time()});
  MustApply(NodeReported{.node_id = "c"});
  MustApply(Start("r", "c"));
  MustApply(Finish("r"));
  ExpectRefused(Start("r", "c", LeaseOrigin::kAdopted), Code::kFailedPrecondition,
                "short while ago");
  now_ += absl::Seconds(20);
  MustApply(Start("r", "c", LeaseOrigin::kAdopted));
}

}  // namespace
}  // namespace eldr
