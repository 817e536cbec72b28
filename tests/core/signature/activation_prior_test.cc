#include "core/signature/activation_prior.h"

#include <algorithm>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/test_seed.h"
#include "tests/core/test_signature.h"

namespace eldr {
namespace {

using ::testing::Each;
using ::testing::FloatEq;
using ::testing::Pointwise;

const ModelGeometry kPriorGeometry = {2, 4, 1, {}};

std::vector<float> Values(const ActivationPrior& prior) {
  return {prior.activation().begin(), prior.activation().end()};
}

TEST(ActivationPriorTest, StartsWhereEveryExpertIsAlike) {
  const ActivationPrior prior(kPriorGeometry);
  EXPECT_THAT(Values(prior), Each(FloatEq(0.25f)));
  EXPECT_EQ(prior.learned_requests(), 0u);
}

TEST(ActivationPriorTest, TheFirstRequestMovesItByASixteenthAndTheSecondByASeventeenth) {
  ActivationPrior prior(kPriorGeometry);
  prior.Learn(Parsed(SteadySignature(kPriorGeometry, 5, 0), kPriorGeometry));
  // 1/4 + (1 - 1/4) / 16 and 1/4 - 1/4 / 16.
  const float taken = 19.0f / 64, left = 15.0f / 64;
  EXPECT_THAT(Values(prior), Pointwise(FloatEq(), std::vector<float>{taken, left, left, left, taken,
                                                                     left, left, left}));
  prior.Learn(Parsed(SteadySignature(kPriorGeometry, 5, 1), kPriorGeometry));
  EXPECT_FLOAT_EQ(prior.activation()[0], 19.0f / 64 * 16 / 17);
  EXPECT_FLOAT_EQ(prior.activation()[1], 15.0f / 64 + (1 - 15.0f / 64) / 17);
  EXPECT_FLOAT_EQ(prior.activation()[2], 15.0f / 64 * 16 / 17);
  EXPECT_EQ(prior.learned_requests(), 2u);
}

TEST(ActivationPriorTest, NoRequestRaisesAnExpertByMoreThanTheAverage) {
  const ModelGeometry geometry = {1, 128, 1, {}};
  ActivationPrior prior(geometry);
  prior.Learn(Parsed(SteadySignature(geometry, 5, 0), geometry));
  EXPECT_FLOAT_EQ(prior.activation()[0], 2.0f / 128) << "not a sixteenth of the way to 1";
  EXPECT_FLOAT_EQ(prior.activation()[1], 15.0f / 16 / 128);
  // Many of them are believed all the same.
  for (int i = 0; i < 1000; ++i) prior.Learn(Parsed(SteadySignature(geometry, 5, 0), geometry));
  EXPECT_GT(prior.activation()[0], 0.9f);
}

TEST(ActivationPriorTest, AShortRequestWeighsWhatALongOneDoes) {
  ActivationPrior from_short(kPriorGeometry), from_long(kPriorGeometry);
  from_short.Learn(Parsed(SteadySignature(kPriorGeometry, 1), kPriorGeometry));
  from_long.Learn(Parsed(SteadySignature(kPriorGeometry, 200), kPriorGeometry));
  EXPECT_THAT(Values(from_short), Pointwise(FloatEq(), Values(from_long)));
}

TEST(ActivationPriorTest, ALayerThatIsNotCoveredKeepsItsValue) {
  TestSignature signature = SteadySignature(kPriorGeometry, 3);
  std::fill(signature.counts.begin() + 4, signature.counts.end(), 0u);
  ActivationPrior prior(kPriorGeometry);
  prior.Learn(Parsed(signature, kPriorGeometry));
  EXPECT_GT(prior.activation()[0], 0.25f);
  for (std::size_t cell = 4; cell < 8; ++cell) EXPECT_EQ(prior.activation()[cell], 0.25f);
}

TEST(ActivationPriorTest, FollowsItsFormulaOverThousandsOfRequests) {
  const ModelGeometry geometry = {2, 16, 4, {}};
  SCOPED_TRACE(SeedNote());
  std::mt19937_64 rng = SeededRng();
  ActivationPrior prior(geometry);
  std::vector<double> naive(geometry.cells(), 0.25);
  for (int n = 0; n < 3000; ++n) {
    const TestSignature signature =
        RandomSignature(geometry, 1 + static_cast<std::uint32_t>(rng() % 20), rng);
    prior.Learn(Parsed(signature, geometry));
    for (std::size_t cell = 0; cell < naive.size(); ++cell) {
      const double f = static_cast<double>(signature.counts[cell]) / signature.tokens;
      naive[cell] += (f - naive[cell]) / std::min(n + 16, 1000);
    }
  }
  for (std::size_t cell = 0; cell < naive.size(); ++cell) {
    EXPECT_NEAR(prior.activation()[cell], naive[cell], 1e-5) << cell;
  }
}

}  // namespace
}  // namespace eldr
