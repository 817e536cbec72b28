// A model's book is what its changes make it: whoever has them has the book.
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/books/book.h"
#include "gtest/gtest.h"
#include "tests/core/test_seed.h"
#include "tests/property/random_traffic.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

constexpr int kSteps = 6000;

class BookLogPropertyTest : public ::testing::Test {
 protected:
  BookLogPropertyTest() : trace_(__FILE__, __LINE__, SeedNote()) {}

  std::uint64_t RouterDigest() const {
    return traffic_.router().DigestBook(RandomTraffic::kModel).value();
  }
  // Applies the changes that the book does not know yet.
  void CatchUp(Book& book) const {
    const std::vector<Change>& changes = traffic_.books().changes();
    while (book.last_number() < changes.size()) {
      const Change& next = changes[book.last_number()];
      ASSERT_THAT(book.Apply(next), IsOk())
          << "change " << next.number << ", kind " << next.what.index();
    }
  }

  ::testing::ScopedTrace trace_;
  std::mt19937_64 rng_ = SeededRng();
  RandomTraffic traffic_{"residency", TestSeed(), 1};
};

TEST_F(BookLogPropertyTest, NothingButItsChangesChangesABook) {
  Book follower(traffic_.book_options());
  std::uint64_t before = RouterDigest();
  int quiet_steps = 0;
  for (int step = 0; step < kSteps && !HasFailure(); ++step) {
    SCOPED_TRACE(absl::StrCat("step ", step));
    const std::size_t known = traffic_.books().changes().size();
    traffic_.Step();
    const std::uint64_t after = RouterDigest();
    if (traffic_.books().changes().size() == known) {
      ++quiet_steps;
      ASSERT_EQ(after, before) << "changed without a change";
    }
    CatchUp(follower);
    ASSERT_EQ(follower.Digest(), after);
    before = after;
  }
  EXPECT_GT(quiet_steps, 100);
}

TEST_F(BookLogPropertyTest, ALogGivesTheSameBookFromAnySnapshotOn) {
  std::vector<BookSnapshot> snapshots;
  for (int step = 0; step < kSteps && !HasFailure(); ++step) {
    traffic_.Step();
    if (rng_() % (kSteps / 10) != 0) continue;
    snapshots.push_back(traffic_.router().SnapshotBook(RandomTraffic::kModel).value());
    EXPECT_EQ(snapshots.back().number, traffic_.books().changes().size());
    EXPECT_EQ(Book(traffic_.book_options(), snapshots.back()).Digest(), RouterDigest());
  }
  Book from_nothing(traffic_.book_options());
  CatchUp(from_nothing);
  EXPECT_EQ(from_nothing.Digest(), RouterDigest());
  for (const BookSnapshot& snapshot : snapshots) {
    SCOPED_TRACE(absl::StrCat("from change ", snapshot.number, " on"));
    Book book(traffic_.book_options(), snapshot);
    CatchUp(book);
    EXPECT_EQ(book.Digest(), RouterDigest());
  }
}

TEST_F(BookLogPropertyTest, WhatIsAppliedAlreadyOrTooEarlyIsRefused) {
  for (int step = 0; step < 1000; ++step) traffic_.Step();
  const std::vector<Change>& changes = traffic_.books().changes();
  Book book(traffic_.book_options());
  CatchUp(book);
  const std::uint64_t digest = book.Digest();
  for (const Change& change : changes) {
    ASSERT_THAT(book.Apply(change), StatusIs(absl::StatusCode::kFailedPrecondition,
                                             ::testing::HasSubstr("applied already")));
  }
  Change early = changes.front();
  early.number = changes.size() + 2;
  EXPECT_THAT(book.Apply(early),
              StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::HasSubstr("are missing")));
  EXPECT_EQ(book.Digest(), digest);
}

// Changes of another time: most break a rule, and then nothing of them may stay.
TEST_F(BookLogPropertyTest, WhatIsRefusedChangesNothing) {
  for (int step = 0; step < 2000; ++step) traffic_.Step();
  const std::vector<Change>& changes = traffic_.books().changes();
  Book book(traffic_.book_options());
  int refused = 0;
  while (book.last_number() < changes.size()) {
    const std::uint64_t number = book.last_number() + 1;
    Change other = changes[rng_() % changes.size()];
    other.number = number;
    Book copy(traffic_.book_options(), book.Snapshot());
    if (!copy.Apply(other).ok()) {
      ++refused;
      ASSERT_EQ(copy.Digest(), book.Digest())
          << "change " << number << " as " << other.what.index();
      ASSERT_EQ(copy.last_number(), book.last_number());
    }
    ASSERT_THAT(book.Apply(changes[number - 1]), IsOk());
  }
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace eldr
