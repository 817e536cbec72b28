#include "client/engines/routed_experts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/invalid_argument.h"
#include "tests/support/status_matchers.h"

namespace eldr::engines {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Three tokens of two layers, top-1.
RoutedExperts ThreeTokens() { return {3, 2, 1, {0, 1, 2, 1, 0, 2}}; }

TEST(CountExpertsTest, CountsTheTokensAskedFor) {
  const auto counts = CountExperts(ThreeTokens(), 3, 1, 3);
  ASSERT_THAT(counts, IsOk());
  EXPECT_EQ(counts->tokens, 2u);
  EXPECT_THAT(counts->counts, ElementsAre(1, 0, 1, 0, 1, 1));
}

TEST(CountExpertsTest, RefusesRowsThatAreNotThere) {
  EXPECT_THAT(CountExperts(ThreeTokens(), 3, 1, 4),
              StatusIs(kInvalid, HasSubstr("rows 1:4, expected A < B within its 3 tokens")));
  EXPECT_THAT(CountExperts(ThreeTokens(), 3, 1, 1), StatusIs(kInvalid));
  EXPECT_THAT(CountExperts(ThreeTokens(), 3, UINT64_MAX, 0), StatusIs(kInvalid));
}

TEST(CountExpertsTest, RefusesIdsBeyondTheExperts) {
  EXPECT_THAT(CountExperts(ThreeTokens(), 2, 0, 3),
              StatusIs(kInvalid, HasSubstr("token 1, layer 0: expert id 2, expected below 2")));
}

// Token 1 has the same expert in all 48 layers; with 16 experts that is a chance of 16^-47.
TEST(CountExpertsTest, RefusesTokensThatTheEngineDidNotCapture) {
  RoutedExperts routed = {3, 48, 1, {}};
  for (std::size_t i = 0; i < 3 * 48; ++i) {
    routed.ids.push_back(i / 48 == 1 ? 0 : static_cast<std::uint16_t>(i * 7 % 16));
  }
  EXPECT_THAT(CountExperts(routed, 16, 0, 3),
              StatusIs(kInvalid, HasSubstr("token 1: expert id 0 in all 48 layers")));
  EXPECT_THAT(CountExperts(routed, 16, 2, 3), IsOk()) << "what is not counted may be anything";
  // One expert in few layers may be a choice.
  EXPECT_THAT(CountExperts({2, 8, 1, std::vector<std::uint16_t>(16, 0)}, 16, 0, 2), IsOk());
}

TEST(CountExpertsTest, RefusesMoreCellsThanAModelHas) {
  EXPECT_THAT(
      CountExperts(ThreeTokens(), 1'000'000, 0, 3),
      StatusIs(kInvalid, HasSubstr("2 layers of 1000000 experts, expected at most 262144")));
}

TEST(CheckGeometryTest, NamesTheField) {
  const auto refused = [](const Geometry& geometry, const char* message) {
    EXPECT_THAT(CheckGeometry(geometry), StatusIs(kInvalid, HasSubstr(message)));
  };
  EXPECT_THAT(CheckGeometry({}), IsOk());
  EXPECT_THAT(CheckGeometry({58, 256, 8, {}}), IsOk());
  refused({1025, 2, 1, {}}, "geometry.layers is 1025");
  refused({1, 4097, 1, {}}, "geometry.experts is 4097");
  refused({1024, 1024, 1, {}}, "geometry.layers * experts is 1048576");
  refused({1, 8, 9, {}}, "geometry.top_k is 9, expected at most 8");
  refused({3, 8, 2, {0, 1}}, "geometry.moe_hidden_layers is 2, expected as many as layers, 3");
  refused({0, 8, 2, {1, 1}}, "expected strictly ascending");
}

}  // namespace
}  // namespace eldr::engines
