#include "core/books/book.h"
#include "core/residency/residency_map.h"
#include "tests/core/books/book_fixture.h"

namespace eldr {
namespace {

using Code = absl::StatusCode;

class BookStateTest : public BookFixture {
 protected:
  // Another book of the same options, with what the first one holds restored.
  static BookRestored RestoredOf(const Book& book) {
    BookRestored restored;
    for (const auto& node : book.fleet().nodes()) restored.nodes.push_back(RecordOf(*node));
    book.leases().ForEach([&](const Lease& lease) { restored.leases.push_back(RecordOf(lease)); });
    restored.stand_in.assign(Options().geometry.cells(), 10);
    return restored;
  }
  absl::StatusOr<Applied> ApplyTo(Book& book, auto what) const {
    Change change;
    change.number = book.last_number() + 1;
    change.at = now_;
    change.what = std::move(what);
    return book.Apply(change);
  }
};

TEST_F(BookStateTest, WhatIsRestoredIsWhatWasHeld) {
  MustApply(Start("r", "a"));
  Book next(Options());
  const auto applied = ApplyTo(next, RestoredOf(book_));
  ASSERT_THAT(applied, IsOk());
  EXPECT_EQ(applied->restored.nodes, 2u);
  EXPECT_EQ(applied->restored.leases, 1u);
  EXPECT_EQ(next.last_lease_id(), book_.last_lease_id());
  const auto hazard = [](const Book& book) {
    return book.FindNode("a")->group->residency.Hazard();
  };
  EXPECT_NE(hazard(next), hazard(book_)) << "of the stand-in";
  const ContributionRecord contribution = {1, "r", Start("", "").codes};
  ASSERT_THAT(ApplyTo(next, ContributionRestored{contribution}), IsOk());
  EXPECT_EQ(hazard(next), hazard(book_));
  EXPECT_THAT(ApplyTo(next, ContributionRestored{contribution}),
              StatusIs(Code::kFailedPrecondition, ::testing::HasSubstr("later signature")));
}

TEST_F(BookStateTest, OnlyABookWithoutNodesIsRestored) {
  ExpectRefused(RestoredOf(book_), Code::kFailedPrecondition, "expected none");
}

TEST_F(BookStateTest, RestoredLeasesFitTheResidencyMap) {
  BookRestored restored = RestoredOf(book_);
  for (std::uint64_t id = 1; id <= 2; ++id) {
    LeaseRecord lease = RecordOf(*MustApply(Start("r" + std::to_string(id), "a")).lease);
    lease.sequences = ResidencyMap::kMaxWeight;
    restored.leases.push_back(lease);
  }
  Book next(Options());
  const auto applied = ApplyTo(next, restored);
  ASSERT_THAT(applied, IsOk());
  EXPECT_EQ(applied->restored.leases, 1u);
  EXPECT_EQ(applied->restored.refused_leases, 1u);
}

TEST_F(BookStateTest, ASnapshotIsTheWholeBook) {
  MustApply(NodeRegistered{HeartbeatingNode("c"), absl::Time()});
  MustApply(NodeReported{.node_id = "c"});
  MustApply(Start("r", "a"));
  MustApply(Start("s", "c"));
  MustApply(Finish("s"));
  MustApply(NodeRemoved{"b"});
  const BookSnapshot snapshot = book_.Snapshot();
  EXPECT_EQ(snapshot.number, book_.last_number());
  Book copy(Options(), snapshot);
  EXPECT_EQ(copy.Digest(), book_.Digest());
  EXPECT_EQ(copy.last_number(), book_.last_number());
  EXPECT_FALSE(copy.MayAdopt("s", *copy.FindNode("c"), now_)) << "it ended there a moment ago";
  MustApply(NodeRegistered{Node("b"), absl::Time()});
  EXPECT_THAT(ApplyTo(copy, NodeRegistered{Node("b"), absl::Time()}), IsOk());
  EXPECT_EQ(copy.Digest(), book_.Digest()) << "the same ordinal";
}

}  // namespace
}  // namespace eldr
