#include "server/base/line_limit.h"

#include "gmock/gmock.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr absl::Duration kStart = absl::Seconds(1000);

TEST(LineLimitTest, CountsEachKeyByItself) {
  LineLimit limit;
  EXPECT_TRUE(limit.Take("a", 1, kStart));
  EXPECT_FALSE(limit.Take("a", 1, kStart));
  EXPECT_TRUE(limit.Take("b", 1, kStart));
  EXPECT_TRUE(limit.Take("a", 1, kStart + absl::Seconds(1)));
}

TEST(LineLimitTest, TellsWhatWasLeftOutOnceAndOnlyOfSecondsThatAreOver) {
  LineLimit limit;
  for (int i = 0; i < 4; ++i) limit.Take("a", 1, kStart);
  limit.Take("b", 1, kStart);
  EXPECT_THAT(limit.TakeLeftOut(kStart), IsEmpty());
  EXPECT_THAT(limit.TakeLeftOut(kStart + absl::Seconds(1)), ElementsAre(Pair("a", 3)));
  EXPECT_THAT(limit.TakeLeftOut(kStart + absl::Seconds(2)), IsEmpty());
}

TEST(LineLimitTest, TellsOfFormerSecondsAlsoWhileLinesGoOn) {
  LineLimit limit;
  for (int i = 0; i < 4; ++i) limit.Take("a", 1, kStart);
  for (int i = 0; i < 3; ++i) limit.Take("a", 1, kStart + absl::Seconds(1));
  EXPECT_THAT(limit.TakeLeftOut(kStart + absl::Seconds(1)), ElementsAre(Pair("a", 3)));
  EXPECT_THAT(limit.TakeLeftOut(absl::InfiniteDuration()), ElementsAre(Pair("a", 2)));
}

}  // namespace
}  // namespace eldr
