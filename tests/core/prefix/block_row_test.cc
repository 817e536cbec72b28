#include "core/prefix/block_row.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/test_seed.h"
#include "tests/core/test_signature.h"

namespace eldr {
namespace {

using ::testing::Each;

BlockRow RowOf(const TestSignature& signature, const ModelGeometry& geometry) {
  return BlockRow(Parsed(signature, geometry), geometry);
}

std::vector<std::uint32_t> CountsOf(const BlockRow& row, const ModelGeometry& geometry) {
  std::vector<std::uint32_t> counts(geometry.cells(), 0);
  row.AddTo(absl::MakeSpan(counts));
  return counts;
}

TEST(BlockRowTest, GivesBackTheCountsOfBlocksOfAnyLength) {
  SCOPED_TRACE(SeedNote());
  auto rng = SeededRng();
  const ModelGeometry geometry = {4, 64, 4, {}};
  for (const std::uint32_t tokens : {1u, 2u, 5u, 16u, 100u, 512u, 3000u}) {
    const TestSignature signature = RandomSignature(geometry, tokens, rng);
    const BlockRow row = RowOf(signature, geometry);
    EXPECT_EQ(CountsOf(row, geometry), signature.counts) << tokens;
    EXPECT_EQ(row.tokens(), tokens);
    EXPECT_TRUE(row.whole());
  }
}

TEST(BlockRowTest, AddsToWhatIsThere) {
  const ModelGeometry geometry = {2, 8, 2, {}};
  const TestSignature signature = SteadySignature(geometry, 3);
  std::vector<std::uint32_t> sums = signature.counts;
  RowOf(signature, geometry).AddTo(absl::MakeSpan(sums));
  for (std::size_t cell = 0; cell < sums.size(); ++cell) {
    EXPECT_EQ(sums[cell], 2 * signature.counts[cell]);
  }
}

TEST(BlockRowTest, TakesTheSmallerForm) {
  const ModelGeometry geometry = {2, 512, 2, {}};
  // 4 of 1,024 cells, the gaps above a byte: 4 * (2 + 1) bytes.
  EXPECT_EQ(RowOf(SteadySignature(geometry, 9), geometry).bytes(), 12u);
  // Counts above a byte.
  EXPECT_EQ(RowOf(SteadySignature(geometry, 300), geometry).bytes(), 16u);
  // Counts above two.
  EXPECT_EQ(RowOf(SteadySignature(geometry, 70'000), geometry).bytes(), 24u);

  // Every cell: without gaps.
  const ModelGeometry narrow = {2, 8, 8, {}};
  EXPECT_EQ(RowOf(SteadySignature(narrow, 9), narrow).bytes(), 16u);
  EXPECT_EQ(RowOf(SteadySignature(narrow, 300), narrow).bytes(), 32u);
}

TEST(BlockRowTest, TakesGapsOfMoreThanTwoBytes) {
  const ModelGeometry geometry = {64, 4096, 1, {}};
  TestSignature signature = SteadySignature(geometry, 1);
  // All but the first and the last layer are not covered: 258,048 cells between the two counts.
  for (std::size_t layer = 1; layer + 1 < geometry.layers; ++layer) {
    signature.counts[layer * geometry.experts] = 0;
  }
  const BlockRow row = RowOf(signature, geometry);
  EXPECT_EQ(CountsOf(row, geometry), signature.counts);
  EXPECT_EQ(row.bytes(), 10u);
  EXPECT_FALSE(row.whole());
}

TEST(BlockRowTest, HoldsTheFirstAndTheLastCell) {
  const ModelGeometry geometry = {1, 300, 2, {}};
  TestSignature signature = SteadySignature(geometry, 7, 299);  // experts 299 and 0
  const std::vector<std::uint32_t> counts = CountsOf(RowOf(signature, geometry), geometry);
  EXPECT_EQ(counts.front(), 7u);
  EXPECT_EQ(counts.back(), 7u);
  EXPECT_THAT(std::vector<std::uint32_t>(counts.begin() + 1, counts.end() - 1), Each(0u));
}

}  // namespace
}  // namespace eldr
