#include "tools/fit/rank_correlation.h"

#include <cmath>

#include "gtest/gtest.h"
#include "tests/core/profile/vectors.h"

namespace eldr {
namespace {

double Correlate(const std::vector<float>& a, const std::vector<float>& b) {
  return RankCorrelation(a).With(b);
}

// By counting: the rank of a value is the number of smaller ones and half of the other equal ones.
std::vector<double> NaiveRanks(absl::Span<const float> values) {
  std::vector<double> ranks;
  for (const float value : values) {
    double rank = -0.5;
    for (const float other : values) rank += other < value ? 1 : (other == value ? 0.5 : 0);
    ranks.push_back(rank);
  }
  return ranks;
}

double NaiveSpearman(absl::Span<const float> a, absl::Span<const float> b) {
  const std::vector<double> x = NaiveRanks(a), y = NaiveRanks(b);
  const double mean = (static_cast<double>(a.size()) - 1) / 2;
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
  }
  return xy / std::sqrt(xx * yy);
}

TEST(RankCorrelationTest, SeesOnlyTheOrder) {
  EXPECT_DOUBLE_EQ(Correlate({1, 2, 3, 4}, {-5, 0, 0.1f, 1e9f}), 1);
  EXPECT_DOUBLE_EQ(Correlate({1, 2, 3, 4}, {4, 3, -2, -3}), -1);
}

TEST(RankCorrelationTest, GivesTiesTheirMeanRank) {
  // Ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3: 4.5 / sqrt(4.5 * 5).
  EXPECT_NEAR(Correlate({1, 2, 2, 3}, {1, 2, 3, 4}), 4.5 / std::sqrt(22.5), 1e-12);
  // Zeros of both signs are one value.
  EXPECT_NEAR(Correlate({-1, 0.0f, -0.0f, 3}, {1, 2, 3, 4}), 4.5 / std::sqrt(22.5), 1e-12);
}

TEST(RankCorrelationTest, IsZeroWithAConstant) {
  EXPECT_EQ(Correlate({1, 2, 3}, {7, 7, 7}), 0);
  EXPECT_EQ(Correlate({7, 7, 7}, {1, 2, 3}), 0);
  const std::vector<float> constant = {7, 7, 7};
  EXPECT_FALSE(RankCorrelation(constant).target_varies());
}

TEST(RankCorrelationTest, AgreesWithCountingRanksOverManyInputs) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    VectorSet vectors = RandomVectors(3, 100, seed);
    for (std::size_t i = 0; i < 3; ++i) {
      // Few distinct values of both signs, so that ties are many.
      for (float& value : vectors[i]) value = std::floor(value * 20) - 10;
    }
    RankCorrelation correlation(vectors[0]);
    // Twice each: nothing may be left over from the call before.
    for (const std::size_t i : {1u, 2u, 1u, 2u}) {
      EXPECT_NEAR(correlation.With(vectors[i]), NaiveSpearman(vectors[0], vectors[i]), 1e-12);
    }
  }
}

}  // namespace
}  // namespace eldr
