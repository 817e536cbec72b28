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
ActivationRow RowOf(const std::vector<std::uint8_t>& codes) {
  ActivationRow row(codes.size());
  row.Assign(codes, 1);
  return row;
}

TEST(ResidencyMapTest, AnEmptyMapActivatesNothing) {
  const ResidencyMap map(20);
  EXPECT_EQ(map.weight(), 0u);
  EXPECT_EQ(map.expected_experts(), 0);
  EXPECT_THAT(HazardOf(map), Each(0));
  EXPECT_THAT(map.Activation(), Each(0.0f));
  const ActivationRow row = RowOf(std::vector<std::uint8_t>(20, 200));
  EXPECT_NEAR(row.sum(), 20.0 * ActivationOfCode(1)[200], 20 * std::ldexp(1.0, -16));
  EXPECT_EQ(map.MarginalExperts(row), row.sum());
  EXPECT_EQ(map.CoarseMarginalExperts(row), row.sum());
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
    const ActivationRow row = RowOf(RandomCodes(kCells, rng));
    ASSERT_EQ(map.MarginalExperts(row), fresh.MarginalExperts(row));
    ASSERT_EQ(map.CoarseMarginalExperts(row), fresh.CoarseMarginalExperts(row));
    ASSERT_EQ(map.weight(), fresh.weight());
    ASSERT_EQ(map.expected_experts(), fresh.expected_experts());
  }
  for (const Entry& entry : in) map.Remove(entry.codes, entry.multiplicity);
  EXPECT_THAT(HazardOf(map), Each(0));
  EXPECT_THAT(map.Activation(), Each(0.0f));
  EXPECT_EQ(map.expected_experts(), 0);
  EXPECT_EQ(map.weight(), 0u);
}

// A map of one cell shows the cell's survival: a newcomer adds p * s there.
TEST(ResidencyMapTest, SurvivalIsTheExponentialOfTheHazard) {
  const ActivationRow row = RowOf({255});
  for (int code = 0; code < 256; ++code) {
    ResidencyMap map(1);
    const auto value = static_cast<std::uint8_t>(code);
    for (int added = 1; added <= 12; ++added) {
      map.Add({&value, 1}, 1);
      const double x = std::ldexp(map.hazard()[0], -kHazardFractionBits);
      EXPECT_NEAR(map.expected_experts(), -std::expm1(-x), 4e-7) << "x = " << x;
      EXPECT_NEAR(map.Activation()[0], -std::expm1(-x), 1e-7) << "x = " << x;
      EXPECT_NEAR(map.MarginalExperts(row) / row.sum(), std::exp(-x), 6.2e-5) << "x = " << x;
      EXPECT_NEAR(map.CoarseMarginalExperts(row), map.MarginalExperts(row),
                  ResidencyMap::CoarseError(row))
          << "x = " << x;
    }
  }
}

TEST(ResidencyMapTest, ExpectedAndMarginalExpertsAreTheirSums) {
  SCOPED_TRACE(SeedNote());
  std::mt19937_64 rng = SeededRng();
  const auto activation = ActivationOfCode(1);
  // Fewer than a vector, one, with a rest, a whole row, and more than fits 32 bits at the most.
  for (const std::size_t cells : {2u, 16u, 1000u, 6144u, 100'000u}) {
    ResidencyMap map(cells);
    for (int i = 0; i < 3; ++i) map.Add(RandomCodes(cells, rng), 1);
    const std::vector<std::uint8_t> codes = RandomCodes(cells, rng);
    double expected = 0, marginal = 0, sum = 0;
    for (std::size_t i = 0; i < cells; ++i) {
      const double s = std::exp(-std::ldexp(map.hazard()[i], -kHazardFractionBits));
      expected += 1 - s;
      marginal += static_cast<double>(activation[codes[i]]) * s;
      sum += static_cast<double>(activation[codes[i]]);
    }
    const auto count = static_cast<double>(cells);
    const ActivationRow row = RowOf(codes);
    EXPECT_NEAR(row.sum(), sum, 1.6e-5 * count);
    EXPECT_NEAR(map.expected_experts(), expected, 4e-7 * count);
    EXPECT_NEAR(map.MarginalExperts(row), marginal, 8e-5 * count);
    EXPECT_NEAR(map.CoarseMarginalExperts(row), map.MarginalExperts(row),
                ResidencyMap::CoarseError(row));
  }
}

TEST(ResidencyMapTest, SumsOfCertainExpertsDoNotOverflow) {
  constexpr std::size_t kCells = 1 << 20;
  const ResidencyMap map(kCells);
  const ActivationRow row = RowOf(std::vector<std::uint8_t>(kCells, 255));
  EXPECT_NEAR(row.sum(), 0.98 * kCells, 1e-4 * kCells);
  EXPECT_EQ(map.MarginalExperts(row), row.sum());
  EXPECT_EQ(map.CoarseMarginalExperts(row), row.sum());
}

TEST(ResidencyMapTest, ItsLargestWeightDoesNotOverflow) {
  ResidencyMap map(4);
  const std::vector<std::uint8_t> codes = {0, 1, 128, 255};
  for (std::uint32_t i = 0; i < 8; ++i) map.Add(codes, ResidencyMap::kMaxWeight / 8);
  EXPECT_EQ(map.weight(), ResidencyMap::kMaxWeight);
  EXPECT_EQ(map.hazard()[3], std::int64_t{HazardOfCode()[255]} * ResidencyMap::kMaxWeight);
  EXPECT_EQ(map.Activation()[3], 1);
  EXPECT_EQ(map.Activation()[0], 0);
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
  constexpr int kPlaced = 24;
  double error_sum = 0;
  for (int placed = 0; placed < kPlaced; ++placed) {
    const TestSignature signature = RandomSignature(geometry, any_tokens(), rng);
    const ExpertSignature parsed = Parsed(signature, geometry);
    EstimateContribution(&parsed, prior, geometry, {}, absl::MakeSpan(codes));
    const std::vector<double> exact = NaiveEstimate(&signature, p0, geometry, {});

    double expected = 0, marginal = 0;
    for (std::size_t cell = 0; cell < geometry.cells(); ++cell) {
      const double s = std::exp(-exact_hazard[cell]);
      expected += 1 - s;
      marginal += exact[cell] * s;
      exact_hazard[cell] += -std::log1p(-exact[cell]);
    }
    const double coded = map.MarginalExperts(RowOf(codes));
    EXPECT_NEAR(coded, marginal, 0.004 * marginal) << placed;
    EXPECT_NEAR(map.expected_experts(), expected, 0.004 * expected) << placed;
    error_sum += std::abs(coded / marginal - 1);
    map.Add(codes, 1);
  }
  EXPECT_LT(error_sum / kPlaced, 0.001);
}

}  // namespace
}  // namespace eldr
