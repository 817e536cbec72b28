#include "core/policy/quantized_centroids.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "core/residency/score_kernel.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/profile/vectors.h"
#include "tests/core/test_seed.h"
#include "tests/core/test_signature.h"

namespace eldr {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

// Geometries whose rows end anywhere in a vector of any machine.
const ModelGeometry kGeometries[] = {
    {1, 3, 1, {}}, {2, 8, 2, {}}, {5, 27, 4, {}}, {48, 128, 8, {}}};

// Every other layer, weights at random, a few of them zero.
SignatureTransform WeightedTransform(const ModelGeometry& geometry, std::mt19937_64& rng) {
  SignatureTransform transform;
  transform.variant = SignatureVariant::kCountIdf;
  transform.layers = geometry.layers;
  transform.experts = geometry.experts;
  for (std::uint32_t layer = 0; layer < geometry.layers; ++layer) {
    if (layer < 2 || layer % 3 != 0) transform.layer_mask.push_back(layer);
  }
  for (std::size_t i = 0; i < transform.dimension(); ++i) {
    transform.idf.push_back(rng() % 8 == 0 ? 0.0f : static_cast<float>(rng() % 1000) / 250);
  }
  transform.idf[0] = 1;
  return transform;
}

TEST(QuantizedSignatureTest, KeepsCountsExact) {
  const ModelGeometry geometry = {1, 4, 1, {}};
  QuantizedSignature signature;
  ASSERT_TRUE(signature.Assign(CountTransform(1, 4),
                               Parsed({.tokens = 700, .counts = {300, 0, 100, 300}}, geometry)));
  EXPECT_EQ(signature.values().size(), PaddedCells(4));
  EXPECT_THAT(signature.values().first(4), ElementsAre(3 * 10'900, 0, 10'900, 3 * 10'900));
  EXPECT_THAT(signature.values().subspan(4), Each(0));
  EXPECT_DOUBLE_EQ(signature.norm(), 10'900 * std::sqrt(19));
}

TEST(QuantizedSignatureTest, IsClearIfTheSignatureVanishes) {
  const ModelGeometry geometry = {1, 2, 1, {}};
  SignatureTransform transform = CountTransform(1, 2);
  transform.variant = SignatureVariant::kCountIdf;
  transform.idf = {0, 1};
  QuantizedSignature signature;
  EXPECT_TRUE(signature.Assign(transform, Parsed({.tokens = 7, .counts = {3, 4}}, geometry)));
  EXPECT_GT(signature.norm(), 0);
  EXPECT_FALSE(signature.Assign(transform, Parsed({.tokens = 7, .counts = {7, 0}}, geometry)));
  EXPECT_EQ(signature.norm(), 0);
}

// Against the published transform in floats, in every width of counts.
// Up to 70,000 tokens: counts of 8, 16 and 32 bits. Few are drawn, as that takes long.
struct DrawnTokens {
  std::uint32_t drawn;
  std::uint32_t times;
};
constexpr DrawnTokens kDrawnTokens[] = {{1, 1}, {200, 1}, {500, 10}, {700, 100}};

ExpertSignature Drawn(const ModelGeometry& geometry, const DrawnTokens& tokens,
                      std::mt19937_64& rng) {
  TestSignature signature = RandomSignature(geometry, tokens.drawn, rng);
  signature.tokens *= tokens.times;
  for (auto& count : signature.counts) count *= tokens.times;
  return Parsed(signature, geometry);
}

TEST(QuantizedSignatureTest, PointsWhereTheTransformDoes) {
  SCOPED_TRACE(SeedNote());
  std::mt19937_64 rng = SeededRng();
  for (const ModelGeometry& geometry : kGeometries) {
    for (const DrawnTokens& tokens : kDrawnTokens) {
      for (const SignatureTransform& transform :
           {CountTransform(geometry.layers, geometry.experts), WeightedTransform(geometry, rng)}) {
        const ExpertSignature signature = Drawn(geometry, tokens, rng);
        std::vector<float> exact(transform.dimension());
        const bool vanishes = !transform.Apply(signature, absl::MakeSpan(exact));
        QuantizedSignature quantized;
        ASSERT_EQ(quantized.Assign(transform, signature), !vanishes);
        if (vanishes) continue;
        double square = 0, off = 0;
        for (std::size_t i = 0; i < exact.size(); ++i) {
          const double value = quantized.values()[i];
          square += value * value;
          off += std::pow(value / quantized.norm() - double{exact[i]}, 2);
        }
        ASSERT_DOUBLE_EQ(quantized.norm(), std::sqrt(square));
        ASSERT_LT(std::sqrt(off), 1e-3)
            << signature.tokens() << " tokens, " << exact.size() << " cells";
      }
    }
  }
}

TEST(QuantizedCentroidsTest, CosinesAreWithinTheErrorAndRefinedOnesExact) {
  SCOPED_TRACE(SeedNote());
  std::mt19937_64 rng = SeededRng();
  for (const ModelGeometry& geometry : kGeometries) {
    const SignatureTransform transform = CountTransform(geometry.layers, geometry.experts);
    // Not a multiple of the rows that are summed at once.
    const VectorSet centroids = RandomUnitVectors(7, geometry.cells(), TestSeed());
    QuantizedCentroids quantized(centroids);
    EXPECT_LT(quantized.error(), 0.02);
    double largest_error = 0;
    for (int round = 0; round < 20; ++round) {
      const ExpertSignature parsed = Parsed(RandomSignature(geometry, 50, rng), geometry);
      std::vector<float> exact(transform.dimension());
      ASSERT_TRUE(transform.Apply(parsed, absl::MakeSpan(exact)));
      QuantizedSignature signature;
      ASSERT_TRUE(signature.Assign(transform, parsed));
      quantized.Compare(signature);
      for (std::size_t i = 0; i < centroids.size(); ++i) {
        const double cosine = Cosine(exact, centroids[i]);
        const double refined = quantized.Refine(signature, i);
        ASSERT_NEAR(refined, cosine, 1e-4);
        ASSERT_NEAR(quantized.Cosine(i), refined, quantized.error());
        largest_error = std::max(largest_error, std::abs(quantized.Cosine(i) - refined));
      }
    }
    EXPECT_GT(largest_error, 0) << "nothing was to be refined";
  }
}

// The bound is for any signature: one that lies along what the upper bytes leave out meets it.
TEST(QuantizedCentroidsTest, TheErrorIsThatOfTheWorstSignature) {
  const ModelGeometry geometry = {1, 4, 1, {}};
  VectorSet centroids(1, 4);
  // The largest is 127 * 256 + 127; of the others the lower bytes are all there is.
  const float unit = 1 / 32639.0f;
  centroids[0][0] = 1;
  for (std::size_t i = 1; i < 4; ++i) centroids[0][i] = 127 * unit;
  QuantizedCentroids quantized(centroids);
  QuantizedSignature signature;
  ASSERT_TRUE(signature.Assign(CountTransform(1, 4),
                               Parsed({.tokens = 4, .counts = {1, 1, 1, 1}}, geometry)));
  quantized.Compare(signature);
  EXPECT_NEAR(quantized.Refine(signature, 0) - quantized.Cosine(0), quantized.error(), 1e-9);
}

}  // namespace
}  // namespace eldr
