#include "core/base/near_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace eldr {
namespace {

TEST(EditDistanceTest, CountsSingleSlips) {
  EXPECT_EQ(EditDistance("mixtral", "mixtral", 3), 0u);
  EXPECT_EQ(EditDistance("mixtral", "Mixtral", 3), 0u);
  EXPECT_EQ(EditDistance("mixtral", "mxtral", 3), 1u);
  EXPECT_EQ(EditDistance("mixtral", "mixxtral", 3), 1u);
  EXPECT_EQ(EditDistance("mixtral", "mixtrel", 3), 1u);
  EXPECT_EQ(EditDistance("mixtral", "imxtral", 3), 1u) << "two that are swapped";
  EXPECT_EQ(EditDistance("mixtral", "mistrul", 3), 2u);
  EXPECT_EQ(EditDistance("mixtral", "qwen3", 3), 4u) << "no further than the limit";
  EXPECT_EQ(EditDistance("", "abc", 3), 3u);
  EXPECT_EQ(EditDistance("", "", 0), 0u);
}

// The definition, with nothing clever about it: optimal string alignment by recursion.
std::size_t NaiveDistance(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return a.size() + b.size();
  const std::string a1 = a.substr(1), b1 = b.substr(1);
  std::size_t least = NaiveDistance(a1, b1) + (a[0] == b[0] ? 0 : 1);
  least = std::min({least, NaiveDistance(a1, b) + 1, NaiveDistance(a, b1) + 1});
  if (a.size() > 1 && b.size() > 1 && a[0] == b[1] && a[1] == b[0]) {
    least = std::min(least, NaiveDistance(a.substr(2), b.substr(2)) + 1);
  }
  return least;
}

TEST(EditDistanceTest, AgreesWithItsDefinition) {
  const auto seed = static_cast<unsigned>(::testing::UnitTest::GetInstance()->random_seed());
  SCOPED_TRACE(::testing::Message() << "rerun with --gtest_random_seed=" << seed);
  std::mt19937 random(seed);
  const auto word = [&random] {
    std::string text;
    for (auto left = random() % 6; left > 0; --left) text += static_cast<char>('a' + random() % 3);
    return text;
  };
  for (int round = 0; round < 300; ++round) {
    const std::string a = word(), b = word();
    EXPECT_EQ(EditDistance(a, b, 3), std::min<std::size_t>(NaiveDistance(a, b), 4))
        << a << " " << b;
  }
}

TEST(NearNamesTest, ShortNamesAreNearOnlyTheirOwnCase) {
  EXPECT_FALSE(AreNearNames("m", "x"));
  EXPECT_TRUE(AreNearNames("m", "M"));
  EXPECT_TRUE(AreNearNames("abc", "abd"));
}

TEST(NearNamesTest, AnOrganisationBeforeTheNameDoesNotMatter) {
  EXPECT_TRUE(AreNearNames("gpt-oss-20b", "openai/gpt-oss-20b"));
  EXPECT_FALSE(AreNearNames("openai/gpt-oss-20b", "openai/qwen3-30b-a3b"));
  EXPECT_FALSE(AreNearNames("a/", "b/"));
}

TEST(NearNamesTest, DescribesTheThreeNearest) {
  EXPECT_EQ(DescribeNearNames("mixtral", {}), "");
  EXPECT_EQ(DescribeNearNames("mixtral", {"qwen3"}), "");
  EXPECT_EQ(DescribeNearNames("mixtrl", {"qwen3", "mixtral"}), " (near it: \"mixtral\")");
  EXPECT_EQ(DescribeNearNames("model-1", {"model-234", "model-2", "model-12", "model-1x"}),
            " (near it: \"model-12\", \"model-1x\", \"model-2\")");
}

TEST(NearNamesTest, LongNamesHaveNone) {
  const std::string longest(kMaxNearNameBytes, 'n'), longer(kMaxNearNameBytes + 1, 'n');
  EXPECT_TRUE(AreNearNames(longest, longest.substr(1)));
  EXPECT_FALSE(AreNearNames(longest, longer));
  EXPECT_EQ(DescribeNearNames(std::string(100'000, 'n'), {longest}), "");
}

}  // namespace
}  // namespace eldr
