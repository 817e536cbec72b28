#include "core/intake/signature_waits.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(SignatureWaitsTest, HandsOutTheCallbacksOfARequestOnceInOrder) {
  SignatureWaits waits;
  std::vector<int> called;
  waits.Add("a", [&] { called.push_back(1); });
  waits.Add("b", [&] { called.push_back(2); });
  waits.Add("a", [&] { called.push_back(3); });
  for (auto& callback : waits.Take("a")) callback();
  EXPECT_THAT(called, ElementsAre(1, 3));
  EXPECT_THAT(waits.Take("a"), IsEmpty());
  for (auto& callback : waits.Take("b")) callback();
  EXPECT_THAT(called, ElementsAre(1, 3, 2));
}

TEST(SignatureWaitsTest, ACancelledWaitIsNotHandedOut) {
  SignatureWaits waits;
  std::vector<int> called;
  const std::uint64_t first = waits.Add("a", [&] { called.push_back(1); });
  const std::uint64_t second = waits.Add("a", [&] { called.push_back(2); });
  EXPECT_NE(first, 0u);
  EXPECT_NE(first, second);
  EXPECT_TRUE(waits.Cancel(first));
  EXPECT_FALSE(waits.Cancel(first));
  for (auto& callback : waits.Take("a")) callback();
  EXPECT_THAT(called, ElementsAre(2));
}

TEST(SignatureWaitsTest, AWaitThatWasHandedOutCannotBeCancelled) {
  SignatureWaits waits;
  const std::uint64_t id = waits.Add("a", [] {});
  EXPECT_EQ(waits.Take("a").size(), 1u);
  EXPECT_FALSE(waits.Cancel(id));
  EXPECT_FALSE(waits.Cancel(0));
  EXPECT_FALSE(waits.Cancel(id + 1));
}

TEST(SignatureWaitsTest, CancellingTheLastWaitForgetsTheRequest) {
  SignatureWaits waits;
  EXPECT_TRUE(waits.Cancel(waits.Add("a", [] {})));
  EXPECT_THAT(waits.Take("a"), IsEmpty());
}

}  // namespace
}  // namespace eldr
