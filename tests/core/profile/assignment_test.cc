#include "core/profile/assignment.h"

#include <algorithm>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/profile/vectors.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;

double CostOf(const VectorSet& costs, const std::vector<std::uint32_t>& assigned) {
  double cost = 0;
  for (std::size_t row = 0; row < assigned.size(); ++row) cost += double{costs[row][assigned[row]]};
  return cost;
}

// The least cost, by trying everything.
double LeastCost(const VectorSet& costs, std::size_t row, std::vector<std::size_t>& room) {
  if (row == costs.size()) return 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t column = 0; column < room.size(); ++column) {
    if (room[column] == 0) continue;
    --room[column];
    least = std::min(least, double{costs[row][column]} + LeastCost(costs, row + 1, room));
    ++room[column];
  }
  return least;
}

TEST(AssignmentTest, GivesUpTheNearestWhereThatIsCheapest) {
  // All three prefer column 0, which has room for two; the third loses least by moving.
  EXPECT_THAT(AssignWithCapacity(Vectors({{0, 5}, {0, 1}, {0, 3}}), 2), ElementsAre(0, 1, 0));
}

TEST(AssignmentTest, IsAsCheapAsTryingEverything) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    FitStream stream(seed);
    const std::size_t columns = 1 + stream.Below(3);
    const std::size_t rows = 1 + stream.Below(7);
    const std::size_t capacity = (rows + columns - 1) / columns + stream.Below(2);
    VectorSet costs = RandomVectors(rows, columns, seed);
    if (seed % 3 == 0) {
      for (std::size_t i = 0; i < rows; ++i) {
        for (float& cost : costs[i]) cost = cost * 4 - 2;  // negative ones too
      }
    }
    const std::vector<std::uint32_t> assigned = AssignWithCapacity(costs, capacity);
    ASSERT_EQ(assigned.size(), rows);
    for (std::uint32_t column = 0; column < columns; ++column) {
      EXPECT_LE(static_cast<std::size_t>(std::count(assigned.begin(), assigned.end(), column)),
                capacity);
    }
    std::vector<std::size_t> room(columns, capacity);
    EXPECT_NEAR(CostOf(costs, assigned), LeastCost(costs, 0, room), 1e-6) << "seed " << seed;
  }
}

TEST(AssignmentTest, MatchesOneToOneByTheGreatestTotal) {
  // Vector 0 of `to` is nearest to both of `from`, but the total is greater if it yields.
  const VectorSet from = Vectors({{1, 0}, {0.8f, 0.6f}});
  const VectorSet to = Vectors({{0.8f, 0.6f}, {0, 1}});
  // 0 <- 0 and 1 <- 1: 0.8 + 0.6; 0 <- 1 and 1 <- 0: 1 + 0.
  EXPECT_THAT(MatchOneToOne(from, to), ElementsAre(0, 1));
  EXPECT_THAT(MatchOneToOne(Vectors({{0, 1}, {1, 0}}), Vectors({{1, 0}, {0, 1}})),
              ElementsAre(1, 0));
}

TEST(AssignmentTest, MeasuresCosineDistances) {
  const VectorSet distances =
      CosineDistances(Vectors({{1, 0}, {0.6f, 0.8f}}), Vectors({{0, 1}, {1, 0}, {0.6f, 0.8f}}));
  EXPECT_THAT(Row(distances, 0), ElementsAre(1, 0, ::testing::FloatNear(0.4f, 1e-6f)));
  EXPECT_THAT(Row(distances, 1),
              ElementsAre(::testing::FloatNear(0.2f, 1e-6f), ::testing::FloatNear(0.4f, 1e-6f),
                          ::testing::FloatNear(0, 1e-6f)));
}

}  // namespace
}  // namespace eldr
