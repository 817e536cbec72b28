#include "core/residency/contribution.h"

#include <cmath>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/naive_estimate.h"
#include "tests/core/test_seed.h"
#include "tests/core/test_signature.h"

namespace eldr {
namespace {

double Hazard(double activation) { return -std::log1p(-activation); }
double HazardOf(std::uint8_t code) {
  return std::ldexp(HazardOfCode()[code], -kHazardFractionBits);
}

TEST(HazardCodeTest, StartAtNothingAndEndAtTheLargestChance) {
  EXPECT_EQ(HazardOfCode()[0], 0);
  EXPECT_EQ(HazardOfCode()[1], 1);  // 2^-16
  EXPECT_NEAR(HazardOf(255), Hazard(kMaxActivation), std::ldexp(1.0, -17));
  EXPECT_EQ(CodeOfActivation(0.0f), 0);
  EXPECT_EQ(CodeOfActivation(-1.0f), 0);
  EXPECT_EQ(CodeOfActivation(0.98f), 255);
  EXPECT_EQ(CodeOfActivation(1.0f), 255);
  EXPECT_EQ(CodeOfActivation(7.0f), 255);
}

TEST(HazardCodeTest, HazardsAndCodesNeverFall) {
  for (std::size_t code = 1; code < kHazardCodes; ++code) {
    EXPECT_LE(HazardOfCode()[code - 1], HazardOfCode()[code]) << code;
  }
  int before = 0;
  for (double p = 1e-6; p <= 1; p *= 1.001) {
    const int code = CodeOfActivation(static_cast<float>(p));
    EXPECT_LE(before, code) << p;
    before = code;
  }
  EXPECT_EQ(before, 255);
}

TEST(HazardCodeTest, EveryCodeOfItsOwnHazardIsFoundAgain) {
  const auto activation = ActivationOfCode(1);
  for (std::size_t code = 0; code < kHazardCodes; ++code) {
    // The smallest hazards are a few units of the fixed point, which some codes share.
    const auto found = CodeOfActivation(activation[code]);
    const double off = HazardOf(found) - HazardOf(static_cast<std::uint8_t>(code));
    EXPECT_LE(std::abs(off), 0.04 * HazardOf(static_cast<std::uint8_t>(code))) << code;
  }
}

// Half a step between codes is 2.45 % of the hazard. The table that finds a code takes a chance for
// the middle of its part, which adds 0.3 % below 0.5 and up to 1.3 % at the largest chance. The
// fixed point adds half a unit.
TEST(HazardCodeTest, ACodeIsWithinHalfAStepOfTheExactHazard) {
  const double half_unit = std::ldexp(1.0, -kHazardFractionBits - 1);
  for (double p = std::ldexp(1.0, -16); p <= kMaxActivation; p *= 1.0001) {
    const auto chance = static_cast<float>(p);
    const double exact = Hazard(chance);
    const double bound = (p <= 0.5 ? 0.028 : 0.038) * exact + 1.01 * half_unit;
    EXPECT_NEAR(HazardOf(CodeOfActivation(chance)), exact, bound) << p;
  }
}

TEST(HazardCodeTest, ManyTokensMultiplyTheHazard) {
  for (const std::uint32_t multiplicity : {1u, 2u, 8u, 64u, 8192u, 65'536u}) {
    const auto activation = ActivationOfCode(multiplicity);
    for (std::size_t code = 0; code < kHazardCodes; ++code) {
      const double x = HazardOf(static_cast<std::uint8_t>(code)) * multiplicity;
      EXPECT_NEAR(activation[code], 1 - std::exp(-x), 1e-7) << code << " x " << multiplicity;
    }
  }
}

class EstimateTest : public ::testing::Test {
 protected:
  // The estimate's activation chances, as read from the codes.
  std::vector<std::uint8_t> Codes(const TestSignature* signature,
                                  const EstimateParameters& parameters = {}) {
    std::vector<std::uint8_t> codes(geometry_.cells(), 77);
    if (signature == nullptr) {
      EstimateContribution(nullptr, prior_, geometry_, parameters, absl::MakeSpan(codes));
    } else {
      const ExpertSignature parsed = Parsed(*signature, geometry_);
      EstimateContribution(&parsed, prior_, geometry_, parameters, absl::MakeSpan(codes));
    }
    return codes;
  }
  std::vector<double> Prior() const {
    return {prior_.activation().begin(), prior_.activation().end()};
  }
  void ExpectCodesOf(const std::vector<double>& naive, const std::vector<std::uint8_t>& codes) {
    for (std::size_t cell = 0; cell < naive.size(); ++cell) {
      // The estimate is computed in float: it may fall on the other side of an edge.
      const int expected = CodeOfActivation(static_cast<float>(naive[cell]));
      EXPECT_NEAR(codes[cell], expected, 1) << cell << ": " << naive[cell];
    }
  }

  const ModelGeometry geometry_ = {4, 16, 2, {}};
  ActivationPrior prior_{geometry_};
  std::mt19937_64 rng_ = SeededRng();
};

TEST_F(EstimateTest, ByHand) {
  // 12 tokens, n0 = 36: n = 9. kappa = 3: p = (9 f + 3 / 8) / 12.
  const TestSignature signature = SteadySignature(geometry_, 12);
  const auto codes = Codes(&signature, {.kappa = 3, .p_max = 0.98, .n0 = 36});
  EXPECT_NEAR(codes[0], CodeOfActivation(9.375f / 12), 1);
  EXPECT_NEAR(codes[1], CodeOfActivation(9.375f / 12), 1);
  EXPECT_NEAR(codes[2], CodeOfActivation(0.375f / 12), 1);
}

TEST_F(EstimateTest, RoundingErrorsOfEqualChancesCancel) {
  const ModelGeometry wide = {1, 1600, 300, {}};
  const ActivationPrior prior(wide);
  std::vector<std::uint8_t> codes(wide.cells());
  EstimateContribution(nullptr, prior, wide, {}, absl::MakeSpan(codes));
  const auto activation_of_code = ActivationOfCode(1);
  double sum = 0;
  for (const std::uint8_t code : codes) sum += activation_of_code[code];
  EXPECT_NEAR(sum, 300, 0.5);  // any one code would be off by more
  EXPECT_GT(std::abs(1600 * activation_of_code[codes[0]] - 300), 1);
}

TEST_F(EstimateTest, AgreesWithTheFormulaInDoublePrecision) {
  for (int i = 0; i < 50; ++i) {
    const TestSignature signature =
        RandomSignature(geometry_, 1 + static_cast<std::uint32_t>(rng_() % 1000), rng_);
    const EstimateParameters parameters = {.kappa = 0.5 + static_cast<double>(rng_() % 20),
                                           .p_max = 0.9,
                                           .n0 = 1 + static_cast<double>(rng_() % 1000)};
    ExpectCodesOf(NaiveEstimate(&signature, Prior(), geometry_, parameters),
                  Codes(&signature, parameters));
    prior_.Learn(Parsed(signature, geometry_));
  }
}

TEST_F(EstimateTest, TakesThePriorWithoutASignatureAndWhereALayerIsNotCovered) {
  for (int i = 0; i < 20; ++i) prior_.Learn(Parsed(RandomSignature(geometry_, 9, rng_), geometry_));
  ExpectCodesOf(NaiveEstimate(nullptr, Prior(), geometry_, {}), Codes(nullptr));

  TestSignature signature = SteadySignature(geometry_, 50);
  for (std::size_t cell = 16; cell < 32; ++cell) signature.counts[cell] = 0;
  const auto codes = Codes(&signature);
  const auto prior_codes = Codes(nullptr);
  for (std::size_t cell = 16; cell < 32; ++cell) EXPECT_EQ(codes[cell], prior_codes[cell]);
  EXPECT_GT(codes[0], prior_codes[0]);
}

TEST_F(EstimateTest, NoExpertIsTakenForCertain) {
  const TestSignature signature = SteadySignature(geometry_, 100'000);
  const auto codes = Codes(&signature, {.kappa = 0.001, .p_max = 0.7, .n0 = 1e9});
  EXPECT_NEAR(codes[0], CodeOfActivation(0.7f), 1);
  const auto without_limit = Codes(&signature, {.kappa = 0.001, .p_max = 0.98, .n0 = 1e9});
  EXPECT_GE(without_limit[0], 254);
}

TEST_F(EstimateTest, ALongPromptIsBelievedUpToItsCap) {
  const TestSignature once = SteadySignature(geometry_, 100);
  const TestSignature long_prompt = SteadySignature(geometry_, 10'000'000);
  // n is about n0, so p = (n0 + kappa / 8) / (n0 + kappa).
  const auto capped = Codes(&long_prompt, {.kappa = 4, .p_max = 0.98, .n0 = 4});
  EXPECT_NEAR(capped[0], CodeOfActivation(4.5f / 8), 1);
  EXPECT_LT(Codes(&once, {.kappa = 4, .p_max = 0.98, .n0 = 4})[0], capped[0] + 1);
}

}  // namespace
}  // namespace eldr
