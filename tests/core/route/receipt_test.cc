#include "core/route/receipt.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

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

TEST(ReceiptRingTest, OfCapacityZeroKeepsNone) {
  ReceiptRing ring(0);
  EXPECT_THAT(ring.Next(), IsNull());
  EXPECT_THAT(ring.Find("a"), IsNull());
}

}  // namespace
}  // namespace eldr
