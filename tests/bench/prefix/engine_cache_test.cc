#include "bench/prefix/engine_cache.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace eldr::prefix {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(EngineCacheTest, MatchesTheHeadOfAPromptUpToTheFirstBlockThatIsMissing) {
  EngineCache cache(10);
  EXPECT_EQ(cache.Match({1, 2}), 0u);
  EXPECT_THAT(cache.Insert({1, 2, 3}), IsEmpty());
  EXPECT_EQ(cache.Match({1, 2, 4, 3}), 2u);
  EXPECT_EQ(cache.Match({2, 3}), 2u);
  EXPECT_EQ(cache.Match({}), 0u);
}

TEST(EngineCacheTest, FreesTheTailOfWhatWasUsedLongestAgo) {
  EngineCache cache(4);
  cache.Insert({1, 2});
  cache.Insert({3, 4});
  cache.Insert({1, 2});
  EXPECT_THAT(cache.Insert({5}), ElementsAre(4u));
  EXPECT_THAT(cache.Insert({6}), ElementsAre(3u));
  EXPECT_THAT(cache.Insert({7}), ElementsAre(2u));
  EXPECT_TRUE(cache.Holds(1));
  EXPECT_EQ(cache.size(), 4u);
}

TEST(EngineCacheTest, KeepsTheHeadOfAPromptThatIsTooLarge) {
  EngineCache cache(2);
  EXPECT_THAT(cache.Insert({1, 2, 3}), IsEmpty());
  EXPECT_EQ(cache.Match({1, 2, 3}), 2u);
  EXPECT_EQ(cache.size(), 2u);
}

}  // namespace
}  // namespace eldr::prefix
