#include "tools/fit/profile_fit.h"

#include <limits>

#include "core/profile/profile_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/profile/vectors.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// Synthetic: requests of two kinds, each with experts of its own in layer 1; layer 0 is noise.
FitInput TwoKinds(std::size_t requests) {
  FitInput input;
  input.layers = 2;
  input.experts = 4;
  FitStream stream(11);
  for (std::size_t i = 0; i < requests; ++i) {
    std::vector<float> cells(8);
    for (std::size_t e = 0; e < 4; ++e) cells[e] = static_cast<float>(stream.Below(2) * 20);
    cells[4 + i % 2 * 2] = 10 + static_cast<float>(stream.Below(5));
    cells[5 + i % 2 * 2] = 10 + static_cast<float>(stream.Below(5));
    input.signatures.Add(cells);
    for (std::size_t e = 0; e < 4; ++e) cells[e] = 1;  // in decode only layer 1 differs
    input.decode_counts.Add(cells);
  }
  return input;
}

TEST(ProfileFitTest, FindsTheLayerThatTellsAndTheKinds) {
  const FitInput input = TwoKinds(40);
  const auto fitted = FitProfile(input, {.nodes = 2}, NoFitProgress);
  ASSERT_THAT(fitted, IsOk());
  EXPECT_THAT(fitted->profile.transform.layer_mask, ElementsAre(1));
  ASSERT_TRUE(fitted->quality.mask.has_value());
  EXPECT_GT(fitted->quality.mask->correlation(), 0.8);
  EXPECT_THAT(fitted->profile.transform.idf, SizeIs(4));
  EXPECT_THAT(fitted->quality.cluster_sizes, ElementsAre(20, 20));
  EXPECT_EQ(fitted->quality.nearest_share, 1);
  EXPECT_GT(fitted->quality.mean_cosine, 0.98);
  // Each centroid is of one kind.
  EXPECT_LT(Cosine(fitted->profile.centroids[0], fitted->profile.centroids[1]), 0.01);
}

TEST(ProfileFitTest, TakesAllLayersWithoutDecodeCounts) {
  FitInput input = TwoKinds(20);
  input.decode_counts = {};
  const auto fitted = FitProfile(input, {.nodes = 3}, NoFitProgress);
  ASSERT_THAT(fitted, IsOk());
  EXPECT_THAT(fitted->profile.transform.layer_mask, ElementsAre(0, 1));
  EXPECT_EQ(fitted->quality.mask, std::nullopt);
  EXPECT_THAT(fitted->quality.cluster_sizes, SizeIs(3));
}

TEST(ProfileFitTest, HasNeitherMaskNorWeightsForTheVariantCount) {
  const auto fitted =
      FitProfile(TwoKinds(20), {.variant = SignatureVariant::kCount, .nodes = 2}, NoFitProgress);
  ASSERT_THAT(fitted, IsOk());
  EXPECT_EQ(fitted->profile.transform, CountTransform(2, 4));
}

TEST(ProfileFitTest, HasAMaskButNoWeightsForGateProbabilities) {
  const auto fitted = FitProfile(
      TwoKinds(20), {.variant = SignatureVariant::kGateProbAll, .nodes = 2}, NoFitProgress);
  ASSERT_THAT(fitted, IsOk());
  EXPECT_THAT(fitted->profile.transform.layer_mask, ElementsAre(1));
  EXPECT_THAT(fitted->profile.transform.idf, SizeIs(0));
}

TEST(ProfileFitTest, IsTheSameForTheSameSeed) {
  FitInput input = TwoKinds(60);
  input.signatures = RandomVectors(60, 8, 5);
  input.decode_counts = RandomVectors(60, 8, 6);
  const auto fit = [&](std::uint64_t seed) {
    return FitProfile(input, {.variant = SignatureVariant::kGateProbAll, .nodes = 5, .seed = seed},
                      NoFitProgress)
        ->profile;
  };
  EXPECT_EQ(fit(1), fit(1));
  EXPECT_FALSE(fit(1) == fit(2));
}

TEST(ProfileFitTest, LeavesOutWhatVanishes) {
  FitInput input;
  input.layers = 1;
  input.experts = 2;
  input.signatures = Vectors({{1, 0}, {0, 0}, {0, 2}});
  const auto fitted =
      FitProfile(input, {.variant = SignatureVariant::kCount, .nodes = 2}, NoFitProgress);
  ASSERT_THAT(fitted, IsOk());
  EXPECT_EQ(fitted->quality.requests, 2u);
  EXPECT_EQ(fitted->quality.left_out, 1u);
  EXPECT_THAT(FitProfile(input, {.variant = SignatureVariant::kCount, .nodes = 3}, NoFitProgress),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2 are usable")));
}

TEST(ProfileFitTest, RefusesInconsistentInput) {
  FitInput input = TwoKinds(10);
  EXPECT_THAT(FitProfile(input, {.nodes = 0}, NoFitProgress),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nodes")));
  input.experts = 5;
  EXPECT_THAT(FitProfile(input, {.nodes = 2}, NoFitProgress),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("signatures")));
  input = TwoKinds(10);
  input.decode_counts = TwoKinds(9).decode_counts;
  EXPECT_THAT(FitProfile(input, {.nodes = 2}, NoFitProgress),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("decode counts")));
  for (const float bad : {-1.0f, std::numeric_limits<float>::quiet_NaN()}) {
    input = TwoKinds(10);
    input.signatures[4][3] = bad;
    EXPECT_THAT(FitProfile(input, {.nodes = 2}, NoFitProgress),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("request 4")));
  }
}

TEST(ProfileFileTest, RoundTripsEveryBitOfAFit) {
  FitInput input;
  input.layers = 3;
  input.experts = 5;
  input.signatures = RandomVectors(40, 15, 1);
  input.decode_counts = RandomVectors(40, 15, 2);
  const auto fitted =
      FitProfile(input, {.variant = SignatureVariant::kGateProbAll, .nodes = 4}, NoFitProgress);
  ASSERT_THAT(fitted, IsOk());
  const auto again = ParseProfile(FormatProfile(fitted->profile));
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(*again, fitted->profile);
}

}  // namespace
}  // namespace eldr
