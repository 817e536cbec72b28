#include "core/profile/balanced_kmeans.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/profile/vectors.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;

std::vector<float> At(double degrees) {
  const double radians = degrees * std::acos(-1.0) / 180;
  return {static_cast<float>(std::cos(radians)), static_cast<float>(std::sin(radians))};
}

auto PointsAt(double degrees) {
  return ElementsAre(FloatNear(At(degrees)[0], 1e-6f), FloatNear(At(degrees)[1], 1e-6f));
}

TEST(BalancedKMeansTest, DoesOneIterationAsByHand) {
  // Three of the four points are nearest to the centroid at 0 degrees, which may have two. The one
  // at 30 loses least by leaving.
  const VectorSet points = Vectors({At(0), At(10), At(30), At(80)});
  const Clusters clusters =
      BalancedKMeans(points, Vectors({At(0), At(90)}), NoFitProgress, /*max_iterations=*/1);
  EXPECT_THAT(clusters.assigned, ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(Row(clusters.centroids, 0), PointsAt(5));
  EXPECT_THAT(Row(clusters.centroids, 1), PointsAt(55));
  EXPECT_EQ(clusters.iterations, 1u);
  EXPECT_FALSE(clusters.converged);
}

TEST(BalancedKMeansTest, StopsWhenTheCentroidsNoLongerMove) {
  const VectorSet points = Vectors({At(0), At(10), At(30), At(80)});
  const Clusters clusters = BalancedKMeans(points, Vectors({At(0), At(90)}), NoFitProgress);
  EXPECT_TRUE(clusters.converged);
  EXPECT_EQ(clusters.iterations, 2u);
  EXPECT_THAT(Row(clusters.centroids, 1), PointsAt(55));
}

TEST(BalancedKMeansTest, LeavesAnEmptyClusterItsCentroid) {
  const Clusters clusters =
      BalancedKMeans(Vectors({At(0), At(1)}), Vectors({At(0), At(90), At(2)}), NoFitProgress);
  EXPECT_THAT(clusters.assigned, ElementsAre(0, 2));
  EXPECT_THAT(Row(clusters.centroids, 1), PointsAt(90));
}

TEST(BalancedKMeansTest, KeepsClustersToTheirShareAndCentroidsToUnitLength) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    FitStream stream(seed);
    const std::size_t size = 1 + stream.Below(60);
    const std::size_t count = 1 + stream.Below(8);
    const VectorSet points = RandomUnitVectors(size, 12, seed);
    const Clusters clusters =
        BalancedKMeans(points, DrawCentroids(points, count, stream), NoFitProgress);
    for (std::uint32_t cluster = 0; cluster < count; ++cluster) {
      const auto members = static_cast<std::size_t>(
          std::count(clusters.assigned.begin(), clusters.assigned.end(), cluster));
      EXPECT_LE(members, (size + count - 1) / count);
      double square = 0;
      for (const float value : clusters.centroids[cluster]) square += double{value} * double{value};
      EXPECT_NEAR(square, 1, 1e-5);
    }
  }
}

TEST(BalancedKMeansTest, TellsItsProgress) {
  std::vector<std::size_t> done;
  const VectorSet points = RandomUnitVectors(20, 4, 1);
  FitStream stream(1);
  const Clusters clusters =
      BalancedKMeans(points, DrawCentroids(points, 3, stream),
                     [&](absl::string_view stage, std::size_t now, std::size_t total) {
                       EXPECT_EQ(stage, "clusters");
                       EXPECT_EQ(total, 50u);
                       done.push_back(now);
                     });
  ASSERT_EQ(done.size(), clusters.iterations);
  EXPECT_EQ(done.back(), clusters.iterations);
}

TEST(DrawCentroidsTest, NeverDrawsAPlaceTwiceWhileOthersAreLeft) {
  // Nine points at one place and three at places of their own: each place has to come.
  VectorSet points = Vectors({At(20), At(40), At(60)});
  for (int i = 0; i < 9; ++i) points.Add(At(0));
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    FitStream stream(seed);
    const VectorSet drawn = DrawCentroids(points, 4, stream);
    std::set<std::vector<float>> places;
    for (std::size_t i = 0; i < 4; ++i) places.insert(Row(drawn, i));
    EXPECT_EQ(places.size(), 4u) << "seed " << seed;
  }
}

TEST(DrawCentroidsTest, PrefersTheFarByTheSquareOfTheDistance) {
  // From the point at 0, those at 0.1 and 0.3 have the chances 1 : 9; it starts there a third of
  // the time.
  const VectorSet points = Vectors({{0}, {0.1f}, {0.3f}});
  int near = 0, far = 0;
  for (std::uint64_t seed = 0; seed < 6000; ++seed) {
    FitStream stream(seed * 7919);
    const VectorSet drawn = DrawCentroids(points, 2, stream);
    if (drawn[0][0] != 0) continue;
    near += drawn[1][0] == 0.1f;
    far += drawn[1][0] == 0.3f;
  }
  EXPECT_GT(near + far, 1700);
  EXPECT_NEAR(static_cast<double>(near) / (near + far), 0.1, 0.03);
}

TEST(DrawCentroidsTest, DrawsAlikePointsAtRandom) {
  VectorSet points;
  for (int i = 0; i < 3; ++i) points.Add(At(45));
  FitStream stream(1);
  const VectorSet drawn = DrawCentroids(points, 5, stream);
  EXPECT_EQ(drawn.size(), 5u);
  EXPECT_EQ(Row(drawn, 4), At(45));
}

}  // namespace
}  // namespace eldr
