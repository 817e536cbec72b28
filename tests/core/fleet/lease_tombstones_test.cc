#include "core/fleet/lease_tombstones.h"

#include "gtest/gtest.h"

namespace eldr {
namespace {

class LeaseTombstonesTest : public ::testing::Test {
 protected:
  LeaseTombstonesTest() {
    a_.spec.node_id = "a";
    b_.spec.node_id = "b";
  }

  DecodeNode a_, b_;
  LeaseTombstones ended_{absl::Seconds(20)};
  const MonotonicTime start_ = absl::Seconds(1000);
};

TEST_F(LeaseTombstonesTest, RemembersARequestOnItsNodeForAWhile) {
  ended_.Note("r", a_, start_);
  EXPECT_TRUE(ended_.Contains("r", a_, start_));
  EXPECT_FALSE(ended_.Contains("r", b_, start_)) << "it may run there by now";
  EXPECT_FALSE(ended_.Contains("s", a_, start_));
  EXPECT_TRUE(ended_.Contains("r", a_, start_ + absl::Seconds(20) - absl::Nanoseconds(1)));
  EXPECT_FALSE(ended_.Contains("r", a_, start_ + absl::Seconds(20)));
  EXPECT_EQ(ended_.size(), 0u);
}

TEST_F(LeaseTombstonesTest, ANodeThatWasRegisteredAgainIsTheSame) {
  ended_.Note("r", a_, start_);
  DecodeNode again;
  again.spec.node_id = "a";
  again.ordinal = a_.ordinal + 7;
  EXPECT_TRUE(ended_.Contains("r", again, start_));
}

TEST_F(LeaseTombstonesTest, TheLastEndCounts) {
  ended_.Note("r", a_, start_);
  ended_.Note("r", a_, start_ + absl::Seconds(15));
  EXPECT_TRUE(ended_.Contains("r", a_, start_ + absl::Seconds(34)));
  EXPECT_FALSE(ended_.Contains("r", a_, start_ + absl::Seconds(35)));
}

TEST_F(LeaseTombstonesTest, ForgetsTheOldestBeyondItsBound) {
  for (std::size_t i = 0; i <= LeaseTombstones::kMost; ++i) {
    ended_.Note(std::to_string(i), a_, start_);
  }
  EXPECT_EQ(ended_.size(), LeaseTombstones::kMost);
  EXPECT_FALSE(ended_.Contains("0", a_, start_));
  EXPECT_TRUE(ended_.Contains("1", a_, start_));
}

}  // namespace
}  // namespace eldr
