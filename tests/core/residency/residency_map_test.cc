#include "core/residency/residency_map.h"

#include <cmath>
#include <vector>

#include "core/residency/contribution.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/naive_estimate.h"
#include "tests/core/test_seed.h"
#include "tests/core/test_signature.h"

namespace eldr {
namespace {

using ::testing::Each;

std::vector<std::uint8_t> RandomCodes(std::size_t cells, std::mt19937_64& rng) {
  std::vector<std::uint8_t> codes(cells);
  for (auto& code : codes) code = static_cast<std::uint8_t>(rng());
  return codes;
}

std::vector<std::int32_t> HazardOf(const ResidencyMap& map) {
  return {map.hazard().begin(), map.hazard().end()};
}
std::vector<float> SurvivalOf(const ResidencyMap& map) {
  return {map.survival().begin(), map.survival().end()};
}

TEST(ResidencyMapTest, AnEmptyMapActivatesNothing) {
  const ResidencyMap map(20);
  EXPECT_EQ(map.weight(), 0u);
  EXPECT_EQ(map.expected_experts(), 0);
  EXPECT_THAT(HazardOf(map), Each(0));
  EXPECT_THAT(SurvivalOf(map), Each(1.0f));
  const std::vector<float> activation(20, 0.25f);
  EXPECT_EQ(map.MarginalExperts(activation), 5);
}

TEST(ResidencyMapTest, AfterAnySequenceItIsBitForBitTheSumOfWhatIsIn) {
  constexpr std::size_t kCells = 53;  // no multiple of the lanes
  SCOPED_TRACE(SeedNote());
  std::mt19937_64 rng = SeededRng();
  struct Entry {
    std::vector<std::uint8_t> codes;
    std::uint32_t multiplicity;
  };
  std::vector<Entry> in;
  ResidencyMap map(kCells);
  for (int step = 0; step < 2000; ++step) {
    if (in.empty() || rng() % 5 < 3) {
      in.push_back({RandomCodes(kCells, rng), 1 + static_cast<std::uint32_t>(rng() % 3)});
      map.Add(in.back().codes, in.back().multiplicity);
    } else {
      std::swap(in[rng() % in.size()], in.back());
      map.Remove(in.back().codes, in.back().multiplicity);
      in.pop_back();
    }
    if (step % 50 != 0) continue;
    ResidencyMap fresh(kCells);
    for (const Entry& entry : in) fresh.Add(entry.codes, entry.multiplicity);
    ASSERT_EQ(HazardOf(map), HazardOf(fresh));
    ASSERT_EQ(SurvivalOf(map), SurvivalOf(fresh));
    ASSERT_EQ(map.weight(), fresh.weight());
    ASSERT_EQ(map.expected_experts(), fresh.expected_experts());
  }
  for (const Entry& entry : in) map.Remove(entry.codes, entry.multiplicity);
  EXPECT_THAT(HazardOf(map), Each(0));
  EXPECT_THAT(SurvivalOf(map), Each(1.0f));
  EXPECT_EQ(map.expected_experts(), 0);
  EXPECT_EQ(map.weight(), 0u);
}

TEST(ResidencyMapTest, SurvivalIsTheExponentialOfTheHazard) {
  ResidencyMap map(kHazardCodes);
  std::vector<std::uint8_t> codes(kHazardCodes);
  for (std::size_t i = 0; i < kHazardCodes; ++i) codes[i] = static_cast<std::uint8_t>(i);
  for (int added = 1; added <= 12; ++added) {
    map.Add(codes, 1);
    for (std::size_t i = 0; i < kHazardCodes; ++i) {
      const double x = std::ldexp(map.hazard()[i], -kHazardFractionBits);
      const double exact = std::exp(-x);
      EXPECT_NEAR(map.survival()[i], exact, 3e-7 * exact + 2e-14) << "x = " << x;
    }
  }
}

TEST(ResidencyMapTest, ExpectedAndMarginalExpertsAreTheirSums) {
  SCOPED_TRACE(SeedNote());
  std::mt19937_64 rng = SeededRng();
  for (const std::size_t cells : {std::size_t{2}, std::size_t{16}, std::size_t{1000}}) {
    ResidencyMap map(cells);
    for (int i = 0; i < 3; ++i) map.Add(RandomCodes(cells, rng), 1);
    std::vector<float> activation(cells);
    for (float& p : activation) p = static_cast<float>(rng() % 1000) / 1000.0f;
    double expected = 0, marginal = 0;
    for (std::size_t i = 0; i < cells; ++i) {
      const double s = std::exp(-std::ldexp(map.hazard()[i], -kHazardFractionBits));
      expected += 1 - s;
      marginal += static_cast<double>(activation[i]) * s;
    }
    EXPECT_NEAR(map.expected_experts(), expected, 1e-5 * static_cast<double>(cells));
    EXPECT_NEAR(map.MarginalExperts(activation), marginal, 1e-5 * static_cast<double>(cells));
  }
}

TEST(ResidencyMapTest, ItsLargestWeightDoesNotOverflow) {
  ResidencyMap map(4);
  const std::vector<std::uint8_t> codes = {0, 1, 128, 255};
  for (std::uint32_t i = 0; i < 8; ++i) map.Add(codes, ResidencyMap::kMaxWeight / 8);
  EXPECT_EQ(map.weight(), ResidencyMap::kMaxWeight);
  EXPECT_EQ(map.hazard()[3], std::int64_t{HazardOfCode()[255]} * ResidencyMap::kMaxWeight);
  EXPECT_EQ(map.survival()[3], 0);
  EXPECT_EQ(map.survival()[0], 1);
  for (std::uint32_t i = 0; i < 8; ++i) map.Remove(codes, ResidencyMap::kMaxWeight / 8);
  EXPECT_THAT(HazardOf(map), Each(0));
}

TEST(ResidencyMapTest, MultiplicityCountsAsManyAdditions) {
  SCOPED_TRACE(SeedNote());
  std::mt19937_64 rng = SeededRng();
  const auto codes = RandomCodes(40, rng);
  ResidencyMap at_once(40), one_by_one(40);
  at_once.Add(codes, 7);
  for (int i = 0; i < 7; ++i) one_by_one.Add(codes, 1);
  EXPECT_EQ(HazardOf(at_once), HazardOf(one_by_one));
  EXPECT_EQ(at_once.weight(), one_by_one.weight());
}

// What a node's expected experts and a newcomer's marginal ones lose to the codes. As in service: a
// model of ordinary size, and a prior that has learned. The errors of cells cancel.
TEST(ResidencyMapTest, CodesKeepExpertsWithinTenthsOfAPercent) {
  const ModelGeometry geometry = {48, 128, 8, {}};
  SCOPED_TRACE(SeedNote());
  std::mt19937_64 rng = SeededRng();
  const auto any_tokens = [&] { return 20 + static_cast<std::uint32_t>(rng() % 200); };
  ActivationPrior prior(geometry);
  for (int i = 0; i < 16; ++i) {
    prior.Learn(Parsed(RandomSignature(geometry, any_tokens(), rng), geometry));
  }
  const std::vector<double> p0(prior.activation().begin(), prior.activation().end());
  ResidencyMap map(geometry.cells());
  std::vector<double> exact_hazard(geometry.cells(), 0);
  std::vector<std::uint8_t> codes(geometry.cells());
  const auto activation_of_code = ActivationOfCode(1);
  constexpr int kPlaced = 24;
  double error_sum = 0;
  for (int placed = 0; placed < kPlaced; ++placed) {
    const TestSignature signature = RandomSignature(geometry, any_tokens(), rng);
    const ExpertSignature parsed = Parsed(signature, geometry);
    EstimateContribution(&parsed, prior, geometry, {}, absl::MakeSpan(codes));
    const std::vector<double> exact = NaiveEstimate(&signature, p0, geometry, {});

    std::vector<float> activation(geometry.cells());
    double expected = 0, marginal = 0;
    for (std::size_t cell = 0; cell < geometry.cells(); ++cell) {
      activation[cell] = activation_of_code[codes[cell]];
      const double s = std::exp(-exact_hazard[cell]);
      expected += 1 - s;
      marginal += exact[cell] * s;
      exact_hazard[cell] += -std::log1p(-exact[cell]);
    }
    EXPECT_NEAR(map.MarginalExperts(activation), marginal, 0.004 * marginal) << placed;
    EXPECT_NEAR(map.expected_experts(), expected, 0.004 * expected) << placed;
    error_sum += std::abs(map.MarginalExperts(activation) / marginal - 1);
    map.Add(codes, 1);
  }
  EXPECT_LT(error_sum / kPlaced, 0.001);
}

}  // namespace
}  // namespace eldr
