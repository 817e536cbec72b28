#include "server/page/cells.h"

#include <cmath>
#include <random>
#include <vector>

#include "gmock/gmock.h"

namespace eldr {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Optional;

TEST(CellsTest, AByteIsWithinHalfAStepOfTheChance) {
  for (float chance = 0; chance <= 1; chance += 0.0007f) {
    EXPECT_NEAR(Quantize({chance})[0] * kCellScale, chance, kCellScale / 2 + 1e-6) << chance;
  }
  EXPECT_THAT(Quantize({-1.0f, 2.0f}), ElementsAre(0, 255)) << "whatever comes fits a byte";
  EXPECT_EQ(PackCells({0.0f, 1.0f, 1.0f}), "AP//");
}

TEST(CellsTest, DistancesAreZeroForAlikeAndOneForNothingInCommon) {
  const Cells a = {10, 0, 200, 0};
  const Cells twice = {20, 0, 254, 0};
  const Cells other = {0, 9, 0, 9};
  const Cells none = {0, 0, 0, 0};
  EXPECT_THAT(CosineDistance(a, a), Optional(DoubleNear(0, 1e-12)));
  EXPECT_THAT(CosineDistance(a, other), Optional(1.0));
  EXPECT_EQ(CosineDistance(a, none), std::nullopt);
  EXPECT_THAT(JaccardDistance(a, a), Optional(0.0));
  EXPECT_THAT(JaccardDistance(a, twice), Optional(DoubleNear(1 - 210.0 / 274, 1e-12)));
  EXPECT_THAT(JaccardDistance(a, other), Optional(1.0));
  EXPECT_EQ(JaccardDistance(none, none), std::nullopt);
}

// On random maps: symmetric, in range, and the cosine as floating point has it.
TEST(CellsTest, DistancesAreMetricsOfRandomMaps) {
  const int seed = ::testing::UnitTest::GetInstance()->random_seed();
  SCOPED_TRACE(::testing::Message() << "rerun with --gtest_random_seed=" << seed);
  std::mt19937 rng(static_cast<unsigned>(seed));
  std::uniform_int_distribution<int> byte(0, 255), size(1, 500);
  for (int round = 0; round < 200; ++round) {
    Cells a(static_cast<std::size_t>(size(rng))), b(a.size());
    double aa = 0, bb = 0, ab = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      a[i] = static_cast<std::uint8_t>(byte(rng));
      b[i] = static_cast<std::uint8_t>(byte(rng));
      aa += a[i] * a[i];
      bb += b[i] * b[i];
      ab += a[i] * b[i];
    }
    if (aa == 0 || bb == 0) continue;
    EXPECT_EQ(CosineDistance(a, b), CosineDistance(b, a));
    EXPECT_EQ(JaccardDistance(a, b), JaccardDistance(b, a));
    EXPECT_NEAR(*CosineDistance(a, b), 1 - ab / std::sqrt(aa * bb), 1e-9);
    EXPECT_GE(*JaccardDistance(a, b), 0);
    EXPECT_LE(*JaccardDistance(a, b), 1);
  }
}

TEST(CellsTest, APictureHasTheMeansOfItsFields) {
  const ModelGeometry small = {2, 3, 1, {}};
  const Picture same = Picture::Of(small);
  EXPECT_EQ(same.rows, 2u);
  EXPECT_EQ(same.columns, 3u);
  EXPECT_THAT(same.Draw(small, Cells{1, 2, 3, 4, 5, 6}), ElementsAre(1, 2, 3, 4, 5, 6));

  // 65 experts: two a column, and the last column has one.
  const ModelGeometry wide = {1, 65, 1, {}};
  const Picture halved = Picture::Of(wide);
  EXPECT_EQ(halved.experts_per_column, 2u);
  EXPECT_EQ(halved.columns, 33u);
  Cells cells(65, 100);
  cells[0] = 201;
  cells[64] = 7;
  const Cells drawn = halved.Draw(wide, cells);
  EXPECT_EQ(drawn[0], 151) << "150.5, rounded";
  EXPECT_EQ(drawn[1], 100);
  EXPECT_EQ(drawn[32], 7);

  const ModelGeometry large = {1024, 256, 1, {}};
  const Picture picture = Picture::Of(large);
  EXPECT_EQ(picture.rows, 32u);
  EXPECT_EQ(picture.columns, 64u);
}

}  // namespace
}  // namespace eldr
