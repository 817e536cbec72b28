#include "core/residency/residency_map.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <utility>
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

ActivationRow RowOf(const std::vector<std::uint8_t>& codes) {
  ActivationRow row(codes.size());
  row.Assign(codes, 1);
  return row;
}

TEST(ResidencyMapTest, AnEmptyMapActivatesNothing) {
  const ResidencyMap map(20);
  EXPECT_EQ(map.weight(), 0u);
  EXPECT_EQ(map.expected_experts(), 0);
  EXPECT_THAT(map.Hazard(), Each(0));
  EXPECT_THAT(map.Activation(), Each(0.0f));
  const ActivationRow row = RowOf(std::vector<std::uint8_t>(20, 200));
  EXPECT_NEAR(row.sum(), 20.0 * ActivationOfCode(1)[200], 20 * std::ldexp(1.0, -16));
  EXPECT_EQ(map.MarginalExperts(row), row.sum());
  EXPECT_EQ(map.LeastMarginalExperts(row), row.sum() * 240 / 255);
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
    ASSERT_EQ(map.Hazard(), fresh.Hazard());
    const ActivationRow row = RowOf(RandomCodes(kCells, rng));
    ASSERT_EQ(map.MarginalExperts(row), fresh.MarginalExperts(row));
    ASSERT_EQ(map.LeastMarginalExperts(row), fresh.LeastMarginalExperts(row));
    ASSERT_EQ(map.weight(), fresh.weight());
    ASSERT_EQ(map.expected_experts(), fresh.expected_experts());
  }
  for (const Entry& entry : in) map.Remove(entry.codes, entry.multiplicity);
  EXPECT_THAT(map.Hazard(), Each(0));
  EXPECT_THAT(map.Activation(), Each(0.0f));
  EXPECT_EQ(map.expected_experts(), 0);
  EXPECT_EQ(map.weight(), 0u);
}

// The sum of all that is in, in whole numbers of 64 bits, and what follows from it.
class NaiveMap {
 public:
  explicit NaiveMap(std::size_t cells) : hazard_(cells, 0) {}

  void Change(const std::vector<std::uint8_t>& codes, std::int64_t multiplicity) {
    for (std::size_t i = 0; i < codes.size(); ++i) {
      hazard_[i] += HazardOfCode()[codes[i]] * multiplicity;
    }
    weight_ += multiplicity;
  }
  const std::vector<std::int64_t>& hazard() const { return hazard_; }
  std::int64_t weight() const { return weight_; }
  double Survival(std::size_t cell) const {
    return std::exp(-std::ldexp(static_cast<double>(hazard_[cell]), -kHazardFractionBits));
  }

 private:
  std::vector<std::int64_t> hazard_;
  std::int64_t weight_ = 0;
};

void ExpectEqual(const ResidencyMap& map, const NaiveMap& naive, const ActivationRow& row,
                 const std::vector<std::uint8_t>& row_codes) {
  ASSERT_EQ(map.Hazard(), naive.hazard());
  ASSERT_EQ(map.weight(), naive.weight());
  const auto p = ActivationOfCode(1);
  const std::vector<float> activation = map.Activation();
  double expected = 0, marginal = 0;
  for (std::size_t i = 0; i < row_codes.size(); ++i) {
    const double s = naive.Survival(i);
    ASSERT_NEAR(activation[i], 1 - s, 1e-6);
    expected += 1 - s;
    marginal += static_cast<double>(p[row_codes[i]]) * s;
  }
  const auto cells = static_cast<double>(row_codes.size());
  ASSERT_NEAR(map.expected_experts(), expected, 4e-4 * cells);
  ASSERT_NEAR(map.MarginalExperts(row), marginal, cells / 255);
}

// Groups grow wide and narrow again, up to the largest weight: around each bound, with few and with
// many bits to carry.
TEST(ResidencyMapTest, AtAnyWeightItIsTheSumOfWhatIsIn) {
  constexpr std::size_t kCells = 77;  // no multiple of the lanes
  constexpr std::uint32_t kBounds[] = {8, ResidencyMap::kMaxNarrowWeight / 2,
                                       ResidencyMap::kMaxNarrowWeight, 1u << 20,
                                       ResidencyMap::kMaxWeight};
  SCOPED_TRACE(SeedNote());
  std::mt19937_64 rng = SeededRng();
  std::vector<std::pair<std::vector<std::uint8_t>, std::uint32_t>> in;
  ResidencyMap map(kCells);
  NaiveMap naive(kCells);
  for (int step = 0; step < 3000; ++step) {
    // The bound it grows to now, or the one it shrinks to.
    const std::uint32_t bound = kBounds[static_cast<std::size_t>(step / 200) % std::size(kBounds)];
    std::uint32_t multiplicity = 1 + static_cast<std::uint32_t>(rng() % (bound / 8));
    if (rng() % 4 == 0) multiplicity = bound - std::min(bound, map.weight());  // to the full
    const bool fits = map.Fits(multiplicity) && map.weight() + multiplicity <= bound;
    if (multiplicity > 0 && fits && rng() % 5 < 3) {
      in.emplace_back(RandomCodes(kCells, rng), multiplicity);
      map.Add(in.back().first, multiplicity);
      naive.Change(in.back().first, multiplicity);
    } else if (!in.empty()) {
      std::swap(in[rng() % in.size()], in.back());
      map.Remove(in.back().first, in.back().second);
      naive.Change(in.back().first, -std::int64_t{in.back().second});
      in.pop_back();
    }
    const auto row_codes = RandomCodes(kCells, rng);
    ExpectEqual(map, naive, RowOf(row_codes), row_codes);
    if (HasFatalFailure()) FAIL() << "step " << step;
  }
  for (const auto& [codes, multiplicity] : in) map.Remove(codes, multiplicity);
  EXPECT_THAT(map.Hazard(), Each(0));
  EXPECT_EQ(map.expected_experts(), 0);
  EXPECT_EQ(map.weight(), 0u);
}

// A whole batch of a wide group, one request at a time: every carry from 32 bits on happens.
TEST(ResidencyMapTest, OneByOneItGoesBeyond32BitsAndBack) {
  const std::vector<std::uint8_t> codes = {255, 254, 1, 0, 200};
  ResidencyMap map(codes.size());
  NaiveMap naive(codes.size());
  constexpr int kSequences = 64 * 256 * 4;
  for (int i = 0; i < kSequences; ++i) {
    map.Add(codes, 1);
    naive.Change(codes, 1);
    if (i % 64 != 0) continue;
    ASSERT_EQ(map.Hazard(), naive.hazard()) << i;
  }
  // The smallest hazard, 2^-16, has become 1.
  EXPECT_NEAR(map.expected_experts(), 3 + 1 - std::exp(-1), 1e-3);
  for (int i = kSequences; i > 0; --i) {
    map.Remove(codes, 1);
    naive.Change(codes, -1);
    if (i % 64 != 0) continue;
    ASSERT_EQ(map.Hazard(), naive.hazard()) << i;
  }
  EXPECT_THAT(map.Hazard(), Each(0));
}

void ExpectTheLeastIsClose(const ResidencyMap& map, const ActivationRow& row) {
  const double least = map.LeastMarginalExperts(row), marginal = map.MarginalExperts(row);
  EXPECT_LE(least, marginal);
  EXPECT_GE(least, marginal - ResidencyMap::LookError(row) * (1 + 1e-12));
}

// A map of one cell shows the cell's survival: a newcomer adds p * s there.
TEST(ResidencyMapTest, SurvivalIsTheExponentialOfTheHazard) {
  const ActivationRow row = RowOf({255});
  for (int code = 0; code < 256; ++code) {
    ResidencyMap map(1);
    const auto value = static_cast<std::uint8_t>(code);
    for (int added = 1; added <= 12; ++added) {
      map.Add({&value, 1}, 1);
      const double x = std::ldexp(static_cast<double>(map.Hazard()[0]), -kHazardFractionBits);
      EXPECT_NEAR(map.Activation()[0], -std::expm1(-x), 1e-7) << "x = " << x;
      EXPECT_NEAR(map.MarginalExperts(row) / row.sum(), std::exp(-x), 1.03 / 510) << "x = " << x;
      ExpectTheLeastIsClose(map, row);
    }
  }
}

// Every hazard below 9, by adding the smallest one again and again; and each way back down.
TEST(ResidencyMapTest, TouchedExpertsAreWithinTheirBoundsEverywhere) {
  constexpr double kUnit = 1.0 / 65536;
  ResidencyMap map(1);
  const std::uint8_t smallest = 1;
  double error_sum = 0;
  for (std::int32_t x = 0; x < 9 << kHazardFractionBits; ++x) {
    ASSERT_EQ(map.Hazard()[0], x);
    const double exact = -std::expm1(-std::ldexp(x, -kHazardFractionBits));
    const double error = map.expected_experts() - exact;
    const bool in_last_eighth_or_above = x >= 63 << (kHazardFractionBits - 3);
    ASSERT_LE(std::abs(error), in_last_eighth_or_above ? 4e-4 : 2.1 * kUnit) << x;
    error_sum += error;
    if ((x + 1) % (1 << (kHazardFractionBits - 3)) == 0) {
      if (!in_last_eighth_or_above) {
        EXPECT_LE(std::abs(error_sum), 0.5 * kUnit * (1 << (kHazardFractionBits - 3))) << x;
      }
      error_sum = 0;
    }
    map.Add({&smallest, 1}, 1);
  }
  EXPECT_NEAR(map.expected_experts(), 1, 2 * kUnit);
  for (std::int32_t x = 9 << kHazardFractionBits; x > 0; --x) {
    map.Remove({&smallest, 1}, 1);
    ASSERT_EQ(map.Hazard()[0], x - 1);
  }
  EXPECT_EQ(map.expected_experts(), 0);
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
    const std::vector<std::int64_t> hazard = map.Hazard();
    for (std::size_t i = 0; i < cells; ++i) {
      const double x = std::ldexp(static_cast<double>(hazard[i]), -kHazardFractionBits);
      const double s = std::exp(-x);
      expected += 1 - s;
      marginal += static_cast<double>(activation[codes[i]]) * s;
      sum += static_cast<double>(activation[codes[i]]);
    }
    const auto count = static_cast<double>(cells);
    const ActivationRow row = RowOf(codes);
    EXPECT_NEAR(row.sum(), sum, 1.6e-5 * count);
    // Per cell the mean error, and what is left of random ones of a standard deviation.
    EXPECT_NEAR(map.expected_experts(), expected, 1e-5 * count + 4e-5 * std::sqrt(count));
    EXPECT_NEAR(map.MarginalExperts(row), marginal, 1e-4 * count + 4e-3 * std::sqrt(count));
    ExpectTheLeastIsClose(map, row);
  }
}

TEST(ResidencyMapTest, MapsThatHaveTheirRowsTogetherDoNotTouchEachOther) {
  constexpr std::size_t kCells = 300;
  SCOPED_TRACE(SeedNote());
  std::mt19937_64 rng = SeededRng();
  const auto rows = std::make_shared<SurvivalRows>(kCells);
  std::vector<std::unique_ptr<ResidencyMap>> maps, alone;
  for (int step = 0; step < 500; ++step) {
    if (maps.size() < 2 || rng() % 3 != 0) {
      maps.push_back(std::make_unique<ResidencyMap>(kCells, rows));
      alone.push_back(std::make_unique<ResidencyMap>(kCells));
    } else {
      const auto place = static_cast<std::ptrdiff_t>(rng() % maps.size());
      maps.erase(maps.begin() + place);
      alone.erase(alone.begin() + place);
    }
    const std::size_t changed = rng() % maps.size();
    const auto codes = RandomCodes(kCells, rng);
    maps[changed]->Add(codes, 1);
    alone[changed]->Add(codes, 1);
    const std::size_t asked = rng() % maps.size();
    const ActivationRow row = RowOf(codes);
    ASSERT_EQ(maps[asked]->MarginalExperts(row), alone[asked]->MarginalExperts(row)) << step;
    ASSERT_EQ(maps[asked]->LeastMarginalExperts(row), alone[asked]->LeastMarginalExperts(row))
        << step;
  }
}

TEST(ResidencyMapTest, SumsOfCertainExpertsDoNotOverflow) {
  constexpr std::size_t kCells = kMaxCells;
  const ResidencyMap map(kCells);
  const ActivationRow row = RowOf(std::vector<std::uint8_t>(kCells, 255));
  EXPECT_NEAR(row.sum(), 0.98 * kCells, 1e-4 * kCells);
  EXPECT_EQ(map.MarginalExperts(row), row.sum());
  EXPECT_EQ(map.LeastMarginalExperts(row), row.sum() * 240 / 255);
}

TEST(ResidencyMapTest, ItsLargestWeightDoesNotOverflow) {
  ResidencyMap map(4);
  const std::vector<std::uint8_t> codes = {0, 1, 128, 255};
  for (std::uint32_t i = 0; i < 8; ++i) map.Add(codes, ResidencyMap::kMaxWeight / 8);
  EXPECT_EQ(map.weight(), ResidencyMap::kMaxWeight);
  EXPECT_EQ(map.Hazard()[3], std::int64_t{HazardOfCode()[255]} * ResidencyMap::kMaxWeight);
  EXPECT_EQ(map.Activation()[3], 1);
  EXPECT_EQ(map.Activation()[0], 0);
  EXPECT_TRUE(map.Fits(0));
  EXPECT_FALSE(map.Fits(1));
  for (std::uint32_t i = 0; i < 8; ++i) map.Remove(codes, ResidencyMap::kMaxWeight / 8);
  EXPECT_THAT(map.Hazard(), Each(0));
}

TEST(ResidencyMapTest, MultiplicityCountsAsManyAdditions) {
  SCOPED_TRACE(SeedNote());
  std::mt19937_64 rng = SeededRng();
  const auto codes = RandomCodes(40, rng);
  ResidencyMap at_once(40), one_by_one(40);
  at_once.Add(codes, 7);
  for (int i = 0; i < 7; ++i) one_by_one.Add(codes, 1);
  EXPECT_EQ(at_once.Hazard(), one_by_one.Hazard());
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
