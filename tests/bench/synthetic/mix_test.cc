#include "bench/synthetic/mix.h"

#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace eldr::synthetic {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kRefused = absl::StatusCode::kInvalidArgument;
const Marginals kNamedDomains = {{"en", "de", "sw"}, 0, 0, {}};
constexpr DomainShape kOtherShape = {1, 0.6, 0.5};

TEST(MixTest, ADomainHasItsShareAndMayHaveItsOwnSpreads) {
  const auto plain = ParseDomainOfMix("de:20");
  ASSERT_THAT(plain.status(), IsOk());
  const auto own = ParseDomainOfMix("sw:60:0.1:2");
  ASSERT_THAT(own.status(), IsOk());
  const auto shapes = ShapesOf(kNamedDomains, {*plain, *own}, kOtherShape);
  ASSERT_THAT(shapes.status(), IsOk());
  EXPECT_EQ((*shapes)[0].share, 0) << "not named";
  EXPECT_EQ((*shapes)[1].share, 20);
  EXPECT_EQ((*shapes)[1].request_spread, 0.6);
  EXPECT_EQ((*shapes)[1].phase_spread, 0.5);
  EXPECT_EQ((*shapes)[2].share, 60);
  EXPECT_EQ((*shapes)[2].request_spread, 0.1);
  EXPECT_EQ((*shapes)[2].phase_spread, 2);
}

TEST(MixTest, WithoutAMixDomainsTakeTurns) {
  const auto shapes = ShapesOf(kNamedDomains, {}, kOtherShape);
  ASSERT_THAT(shapes.status(), IsOk());
  EXPECT_THAT(TakeTurns(*shapes, 7), ElementsAre(0, 1, 2, 0, 1, 2, 0));
}

TEST(MixTest, TurnsFollowTheSharesFromTheStart) {
  const std::vector<DomainShape> shapes = {{60}, {20}, {0}, {15}, {5}};
  const std::vector<std::size_t> turns = TakeTurns(shapes, 2000);
  std::map<std::size_t, int> counts;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    ++counts[turns[i]];
    for (std::size_t domain = 0; domain < shapes.size(); ++domain) {
      const double share = shapes[domain].share / 100 * static_cast<double>(i + 1);
      ASSERT_NEAR(counts[domain], share, 1.5) << "domain " << domain << " of " << i + 1;
    }
  }
}

TEST(MixTest, NamesWhatItRefuses) {
  for (const auto& [text, said] : std::map<std::string, std::string>{
           {"en", "NAME:SHARE"},
           {":5", "NAME:SHARE"},
           {"en:1:2:3:4", "NAME:SHARE"},
           {"en:0", "share 0"},
           {"en:much", "share \"much\": expected a number from 0 to"},
           {"en:-1", "share \"-1\""},
           {"en:nan", "share \"nan\""},
           {"en:1:11", "request spread \"11\": expected a number from 0 to 10"},
           {"en:1:1:-2", "phase spread \"-2\""}}) {
    EXPECT_THAT(ParseDomainOfMix(text).status(), StatusIs(kRefused, HasSubstr(said))) << text;
    EXPECT_THAT(ParseDomainOfMix(text).status(), StatusIs(kRefused, HasSubstr(text)));
  }
  EXPECT_THAT(
      ShapesOf(kNamedDomains, {{.name = "fr"}}, kOtherShape).status(),
      StatusIs(kRefused, HasSubstr("domain \"fr\": expected one of the tables': en, de, sw")));
  EXPECT_THAT(ShapesOf(kNamedDomains, {{.name = "en"}, {.name = "en"}}, kOtherShape).status(),
              StatusIs(kRefused, HasSubstr("\"en\": expected each once")));
}

}  // namespace
}  // namespace eldr::synthetic
