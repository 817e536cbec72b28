#include "core/route/receipt.h"

#include <deque>
#include <map>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/test_seed.h"

namespace eldr {
namespace {

using ::testing::IsNull;
using ::testing::NotNull;

void Write(ReceiptRing& ring, const std::string& request_id, std::uint64_t lease_id) {
  Receipt* receipt = ring.Next();
  ASSERT_THAT(receipt, NotNull());
  receipt->request_id = request_id;
  receipt->lease_id = lease_id;
  ring.Commit();
}

TEST(ReceiptRingTest, KeepsTheNewest) {
  ReceiptRing ring(3);
  EXPECT_THAT(ring.Find("r0"), IsNull());
  for (std::uint64_t i = 0; i < 10; ++i) Write(ring, absl::StrCat("r", i), i);
  EXPECT_EQ(ring.size(), 3u);
  EXPECT_THAT(ring.Find("r6"), IsNull());
  for (std::uint64_t i = 7; i < 10; ++i) {
    ASSERT_THAT(ring.Find(absl::StrCat("r", i)), NotNull());
    EXPECT_EQ(ring.Find(absl::StrCat("r", i))->lease_id, i);
  }
}

TEST(ReceiptRingTest, TheNewestOfARequestIsFoundAlsoWhenItsOldOneIsOverwritten) {
  ReceiptRing ring(2);
  Write(ring, "a", 1);
  Write(ring, "a", 2);
  EXPECT_EQ(ring.Find("a")->lease_id, 2u);
  Write(ring, "b", 3);  // over the first of a
  ASSERT_THAT(ring.Find("a"), NotNull());
  EXPECT_EQ(ring.Find("a")->lease_id, 2u);
  Write(ring, "b", 4);
  EXPECT_THAT(ring.Find("a"), IsNull());
  EXPECT_EQ(ring.Find("b")->lease_id, 4u);
  EXPECT_EQ(ring.size(), 1u);
}

TEST(ReceiptRingTest, NumbersThemFromOneAndKnowsThoseThatAreKept) {
  for (const std::size_t capacity : {1u, 3u, 7u}) {
    ReceiptRing ring(capacity);
    EXPECT_EQ(ring.committed(), 0u);
    EXPECT_THAT(ring.At(0), IsNull());
    EXPECT_THAT(ring.At(1), IsNull());
    for (std::uint64_t i = 1; i <= 20; ++i) {
      Write(ring, "r", i);
      EXPECT_EQ(ring.committed(), i);
      for (std::uint64_t at = 0; at <= 21; ++at) {
        const bool kept = at <= i && at + capacity > i && at > 0;
        ASSERT_EQ(ring.At(at) != nullptr, kept) << at << " of " << i;
        if (kept) {
          ASSERT_EQ(ring.At(at)->lease_id, at);
        }
      }
    }
  }
}

// The index refers to the texts in the ring, so these must not be those of a slot that is gone.
TEST(ReceiptRingTest, FindsWhatAMapWouldWhateverRequestsComeAgain) {
  SCOPED_TRACE(SeedNote());
  std::mt19937_64 rng = SeededRng();
  constexpr std::size_t kCapacity = 5;
  ReceiptRing ring(kCapacity);
  std::deque<std::pair<std::string, std::uint64_t>> naive;
  for (std::uint64_t i = 0; i < 5'000; ++i) {
    // Short ones lie in the string object, long ones on the heap.
    const std::string id =
        absl::StrCat(rng() % 2 == 0 ? "r" : "a request id of some length ", rng() % 8);
    Write(ring, id, i);
    naive.emplace_back(id, i);
    if (naive.size() > kCapacity) naive.pop_front();
    std::map<std::string, std::uint64_t> newest;
    for (const auto& [request, lease] : naive) newest[request] = lease;
    ASSERT_EQ(ring.size(), newest.size());
    for (const auto& [request, lease] : newest) {
      ASSERT_THAT(ring.Find(request), NotNull()) << request;
      ASSERT_EQ(ring.Find(request)->lease_id, lease) << request;
    }
  }
}

TEST(ReceiptRingTest, OfCapacityZeroKeepsNone) {
  ReceiptRing ring(0);
  EXPECT_THAT(ring.Next(), IsNull());
  EXPECT_THAT(ring.Find("a"), IsNull());
  EXPECT_THAT(ring.At(1), IsNull());
}

}  // namespace
}  // namespace eldr
