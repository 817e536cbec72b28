#include "core/profile/signature_transform.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/profile/vectors.h"
#include "tests/core/test_signature.h"

namespace eldr {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::FloatNear;

std::vector<float> Apply(const SignatureTransform& transform, const std::vector<float>& values) {
  std::vector<float> out(transform.dimension(), -1);
  transform.Apply(values, absl::MakeSpan(out));
  return out;
}

TEST(SignatureTransformTest, NormalisesCountsOnceOverAllLayers) {
  // Norm of (3, 0, 4, 12) is 13; normalised by layer it would be another vector.
  EXPECT_THAT(Apply(CountTransform(2, 2), {3, 0, 4, 12}),
              ElementsAre(FloatEq(3 / 13.f), 0, FloatEq(4 / 13.f), FloatEq(12 / 13.f)));
}

TEST(SignatureTransformTest, WeighsThePackedLayersOfTheMask) {
  SignatureTransform transform;
  transform.variant = SignatureVariant::kCountIdf;
  transform.layers = 3;
  transform.experts = 2;
  transform.layer_mask = {0, 2};
  transform.idf = {1, 0.5, 2, 0};
  // Layers 0 and 2: (3, 8, 2, 7), weighted (3, 4, 4, 0), of norm sqrt(41).
  const float norm = std::sqrt(41.f);
  EXPECT_THAT(Apply(transform, {3, 8, 100, 100, 2, 7}),
              ElementsAre(FloatEq(3 / norm), FloatEq(4 / norm), FloatEq(4 / norm), 0));
}

TEST(SignatureTransformTest, TakesGateProbabilitiesWithoutWeights) {
  SignatureTransform transform;
  transform.variant = SignatureVariant::kGateProbAll;
  transform.layers = 2;
  transform.experts = 2;
  transform.layer_mask = {1};
  EXPECT_THAT(Apply(transform, {9, 9, 0.3f, 0.4f}), ElementsAre(FloatEq(0.6f), FloatEq(0.8f)));
}

TEST(SignatureTransformTest, GivesZerosForWhatVanishes) {
  SignatureTransform transform = CountTransform(1, 2);
  transform.variant = SignatureVariant::kCountIdf;
  transform.idf = {0, 1};
  std::vector<float> out = {5, 5};
  EXPECT_FALSE(transform.Apply(std::vector<float>{7, 0}, absl::MakeSpan(out)));
  EXPECT_THAT(out, Each(0));
  EXPECT_TRUE(transform.Apply(std::vector<float>{0, 7}, absl::MakeSpan(out)));
}

TEST(SignatureTransformTest, TransformsASignatureOfAnyWidthAsItsCounts) {
  const ModelGeometry geometry = {2, 4, 2, {}};
  for (const std::uint32_t tokens : {5u, 500u, 70'000u}) {
    const TestSignature signature = SteadySignature(geometry, tokens, 1);
    const SignatureTransform transform = CountTransform(2, 4);
    std::vector<float> out(8);
    ASSERT_TRUE(transform.Apply(Parsed(signature, geometry), absl::MakeSpan(out)));
    // Experts 1 and 2 of each layer, alike: four equal parts of a unit vector.
    EXPECT_THAT(out, ElementsAre(0, 0.5f, 0.5f, 0, 0, 0.5f, 0.5f, 0)) << tokens;
  }
}

TEST(SignatureTransformTest, FitsTheIdfByHowManyRequestsUseAnExpert) {
  const std::vector<float> idf = FitIdf(Vectors({{1, 9, 0}, {1, 0, 0}, {5, 0, 0}}));
  // C = 3 and df = 3, 1, 0: ln(4/4), ln(4/2), ln(4/1).
  EXPECT_THAT(idf,
              ElementsAre(0, FloatNear(std::log(2.f), 1e-6f), FloatNear(std::log(4.f), 1e-6f)));
}

TEST(SignatureTransformTest, KnowsItsVariantsByName) {
  for (const auto variant :
       {SignatureVariant::kCount, SignatureVariant::kCountIdf, SignatureVariant::kGateProbAll}) {
    EXPECT_EQ(ParseSignatureVariant(Name(variant)), variant);
  }
  EXPECT_EQ(ParseSignatureVariant("Count"), std::nullopt);
}

}  // namespace
}  // namespace eldr
