// The loops over cells that scoring nodes consists of, in SIMD chosen at run time for the machine.
// The locality band compares signatures and centroids by the same ones.
//
// All of it is integer arithmetic: the answers are the same on every machine, bit for bit.
#ifndef ELDR_CORE_RESIDENCY_SCORE_KERNEL_H_
#define ELDR_CORE_RESIDENCY_SCORE_KERNEL_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace eldr {

// Rows end with zeros up to a multiple of this many cells, so that they are read in whole vectors.
inline constexpr std::size_t kRowCells = 256;
constexpr std::size_t PaddedCells(std::size_t cells) {
  return (cells + kRowCells - 1) / kRowCells * kRowCells;
}

// The scales of the fixed-point rows. An activation chance takes the finer one: chances are small,
// and what one is rounded by, every node's sum is off by.
inline constexpr int kActivationBits = 15;
// A survival is a byte: 1 is 255, so that an empty cell is exact. It is kept less kSurvivalOffset,
// because vector units multiply signed bytes by unsigned ones.
inline constexpr int kSurvivalOne = 255;
inline constexpr int kSurvivalOffset = 128;

// Writes a row of activations, table[code] for each code, and answers their sum. The table's bytes
// stand apart: the low ones first, then the high ones. The row takes 2 * padded_cells bytes, from a
// cache line on; in what order, is the machine's affair. What is behind the last code stays as it
// was.
std::uint64_t LookUpActivation(absl::Span<const std::uint8_t> codes,
                               const std::array<std::uint8_t, 512>& table, std::size_t padded_cells,
                               std::uint8_t* row);

// Writes such a row of other numbers, 0 to 32,767.
void PackRow(const std::int16_t* values, std::size_t padded_cells, std::uint8_t* row);

// The sum of products of such a row's cells and signed bytes: of activations and survivals, these
// as they are kept. REQUIRES: both rows start on a cache line. Fetches the row that is read next:
// rows of a large fleet come from afar, and the processor's own foresight ends with each.
std::int64_t SumProducts(const std::uint8_t* row, const std::int8_t* bytes, const std::int8_t* next,
                         std::size_t padded_cells);

// Rows of half bytes, for a first look at many nodes: what is not read is not waited for. They hold
// the high four bits of each survival; byte i of 64 those of cell i of 128 in its low half, and
// those of cell 64 + i in its high one.
inline constexpr int kHalfUnit = 16;
void HalveSurvival(const std::int8_t* survival, std::size_t padded_cells, std::uint8_t* halves);
// The sum of products of activations and half bytes. Times kHalfUnit, it is at most the sum that
// whole survivals make, and at least that less (kHalfUnit - 1) times the sum of activations.
// Fetches the row `ahead` meanwhile.
std::int64_t SumHalves(const std::uint8_t* activation, const std::uint8_t* halves,
                       const std::uint8_t* ahead, std::size_t padded_cells);

}  // namespace eldr

#endif  // ELDR_CORE_RESIDENCY_SCORE_KERNEL_H_
