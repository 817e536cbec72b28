#include "tools/fit/layer_mask.h"

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/profile/vectors.h"
#include "tests/support/status_matchers.h"
#include "tools/fit/rank_correlation.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::uint32_t kLayers = 5;
constexpr std::uint32_t kExperts = 6;

std::vector<float> Part(absl::Span<const float> cells, const std::vector<std::uint32_t>& layers) {
  std::vector<float> part;
  for (const std::uint32_t layer : layers) {
    const auto row = cells.subspan(layer * kExperts, kExperts);
    part.insert(part.end(), row.begin(), row.end());
  }
  return part;
}

// Over all pairs there are, straight from the definition.
double NaiveCorrelation(const VectorSet& signatures, const VectorSet& decode,
                        const std::vector<std::uint32_t>& layers) {
  std::vector<float> by_signature, by_decode;
  for (std::size_t i = 0; i < signatures.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const double cosine = Cosine(Part(signatures[i], layers), Part(signatures[j], layers));
      by_signature.push_back(static_cast<float>(1 - cosine));
      by_decode.push_back(static_cast<float>(1 - Cosine(decode[i], decode[j])));
    }
  }
  return RankCorrelation(by_decode).With(by_signature);
}

// Signatures whose layers follow the decode with the noise given for each.
VectorSet Noisy(const VectorSet& decode, const std::vector<float>& noise, std::uint64_t seed) {
  VectorSet signatures = RandomVectors(decode.size(), decode.dimension(), seed);
  for (std::size_t i = 0; i < decode.size(); ++i) {
    for (std::size_t cell = 0; cell < decode.dimension(); ++cell) {
      const float share = noise[cell / kExperts];
      signatures[i][cell] = share * signatures[i][cell] + (1 - share) * decode[i][cell];
    }
  }
  return signatures;
}

// Decode of one pattern in all layers, so that any layer may tell all.
VectorSet RepeatingDecode(std::size_t size, std::uint64_t seed) {
  VectorSet decode = RandomVectors(size, kLayers * kExperts, seed);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t cell = kExperts; cell < decode.dimension(); ++cell) {
      decode[i][cell] = decode[i][cell - kExperts];
    }
  }
  return decode;
}

TEST(LayerMaskTest, AgreesWithTheDefinitionOnEachStep) {
  const VectorSet decode = RepeatingDecode(40, 1);
  const VectorSet signatures = Noisy(decode, {1, 0.3f, 0.9f, 0.5f, 0.8f}, 2);
  // So many pairs that drawing them at random comes close to taking all.
  const auto mask = SelectLayers(signatures, decode, kLayers, 3, NoFitProgress, 200'000);
  ASSERT_THAT(mask, IsOk());
  ASSERT_EQ(mask->path.size(), kLayers);
  std::vector<std::uint32_t> chosen;
  for (const LayerMask::Step& step : mask->path) {
    double best = -1;
    for (std::uint32_t layer = 0; layer < kLayers; ++layer) {
      if (std::count(chosen.begin(), chosen.end(), layer) > 0) continue;
      std::vector<std::uint32_t> with = chosen;
      with.push_back(layer);
      best = std::max(best, NaiveCorrelation(signatures, decode, with));
    }
    chosen.push_back(step.layer);
    const double own = NaiveCorrelation(signatures, decode, chosen);
    EXPECT_NEAR(step.correlation, own, 0.01);
    EXPECT_NEAR(own, best, 0.01) << "layer " << step.layer;
  }
  EXPECT_EQ(mask->path[0].layer, 1u);
}

TEST(LayerMaskTest, KeepsThePathUpToItsFirstPeak) {
  const VectorSet decode = RepeatingDecode(30, 4);
  // Layers 2 and 4 tell all; every other one only adds noise.
  const VectorSet signatures = Noisy(decode, {1, 1, 0, 1, 0}, 5);
  const auto mask = SelectLayers(signatures, decode, kLayers, 6, NoFitProgress, 2000);
  ASSERT_THAT(mask, IsOk());
  // With layer 4 the correlation stays at its peak, so that is where it was first.
  EXPECT_THAT(mask->layers(), ElementsAre(2));
  EXPECT_EQ(mask->kept, 1u);
  EXPECT_NEAR(mask->correlation(), 1, 1e-3);
  for (const LayerMask::Step& step : mask->path) {
    EXPECT_LE(step.correlation, mask->correlation());
  }
}

TEST(LayerMaskTest, TakesTheLowerOfEqualLayers) {
  const VectorSet decode = RepeatingDecode(30, 7);
  VectorSet signatures = Noisy(decode, {0.5f, 0.5f, 0.5f, 0.5f, 0.5f}, 8);
  for (std::size_t i = 0; i < signatures.size(); ++i) {
    for (std::size_t cell = kExperts; cell < signatures.dimension(); ++cell) {
      signatures[i][cell] = signatures[i][cell - kExperts];
    }
  }
  const auto mask = SelectLayers(signatures, decode, kLayers, 9, NoFitProgress, 2000);
  ASSERT_THAT(mask, IsOk());
  EXPECT_EQ(mask->path[0].layer, 0u);
}

TEST(LayerMaskTest, DrawsPairsBySeed) {
  const VectorSet decode = RandomVectors(30, kLayers * kExperts, 1);
  const VectorSet signatures = RandomVectors(30, kLayers * kExperts, 2);
  const auto first = [&](std::uint64_t seed) {
    return SelectLayers(signatures, decode, kLayers, seed, NoFitProgress, 500)->path[0].correlation;
  };
  EXPECT_EQ(first(1), first(1));
  EXPECT_NE(first(1), first(2));
}

TEST(LayerMaskTest, RefusesWhatTellsNothing) {
  const VectorSet one = RandomVectors(1, kLayers * kExperts, 1);
  EXPECT_THAT(SelectLayers(one, one, kLayers, 1, NoFitProgress),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at least 2")));
  const VectorSet two = RandomVectors(2, kLayers * kExperts, 1);
  EXPECT_THAT(SelectLayers(two, two, kLayers, 1, NoFitProgress),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("equally alike")));
}

}  // namespace
}  // namespace eldr
