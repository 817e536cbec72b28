#include "bench/synthetic/routing_model.h"

#include <numeric>

#include "bench/synthetic/domain_targets.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace eldr::synthetic {
namespace {

using ::testing::HasSubstr;

// Two domains with opposite tastes in one layer of 16 experts.
Marginals OppositeDomains() {
  Marginals marginals;
  marginals.domains = {"a", "b"};
  marginals.layers = 1;
  marginals.experts = 16;
  for (int e = 1; e <= 16; ++e) marginals.shares.push_back(e / 136.0);
  for (int e = 16; e >= 1; --e) marginals.shares.push_back(e / 136.0);
  return marginals;
}

TEST(PickChancesTest, SumToTheNumberOfPicksAndFollowTheWeights) {
  std::vector<double> weights(20, 1.0);
  weights[3] = 8;
  std::vector<double> chances(20);
  AddPickChances(weights, 4, absl::MakeSpan(chances));
  EXPECT_NEAR(std::accumulate(chances.begin(), chances.end(), 0.0), 4, 1e-5);
  EXPECT_GT(chances[3], 3 * chances[0]);
  EXPECT_LT(chances[3], 1);
}

TEST(DomainTargetsTest, SharpenMovesDomainsApartAndOneLeavesThemAlone) {
  const Marginals marginals = OppositeDomains();
  const std::vector<double> plain = DomainTargets(marginals, 2, 1);
  const std::vector<double> sharp = DomainTargets(marginals, 2, 2);
  EXPECT_NEAR(plain[15] / plain[0], 16, 1e-9);
  EXPECT_NEAR(sharp[15] / sharp[0], 256, 1e-6);
}

TEST(RoutingModelTest, TokensFollowTheTableOverManyRequests) {
  const Marginals marginals = OppositeDomains();
  RoutingModel::Options options;
  options.top_k = 2;
  options.sharpen = 1;
  const auto model = RoutingModel::Create(marginals, options);
  ASSERT_TRUE(model.ok()) << model.status();
  replay::RandomStream random(1, 1);
  std::vector<double> counts(16);
  std::vector<std::uint8_t> token(2);
  for (int request = 0; request < 400; ++request) {
    const RequestRouting routing = model->DrawRequest(0, random);
    for (int i = 0; i < 50; ++i) {
      model->DrawToken(routing.decode, random, absl::MakeSpan(token));
      ASSERT_LT(token[0], token[1]);
      for (const std::uint8_t expert : token) counts[expert] += 1;
    }
  }
  for (std::size_t e = 0; e < 16; ++e) {
    const double expected = marginals.Layer(0, 0)[e] * 40'000;
    EXPECT_NEAR(counts[e], expected, 0.25 * expected + 100) << "expert " << e;
  }
}

TEST(RoutingModelTest, RefusesWhatItCannotDraw) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  RoutingModel::Options options;
  options.top_k = 9;
  EXPECT_THAT(RoutingModel::Create(OppositeDomains(), options).status(),
              StatusIs(kInvalid, HasSubstr("16 experts, top_k 9")));
  options.top_k = 2;
  options.phase_spread = -1;
  EXPECT_THAT(RoutingModel::Create(OppositeDomains(), options).status(),
              StatusIs(kInvalid, HasSubstr("-1")));
}

}  // namespace
}  // namespace eldr::synthetic
