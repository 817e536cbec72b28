// The loops over cells that a decision consists of, in SIMD chosen at run time for the machine.
//
// All of it is integer arithmetic but for exp(-x), which is made of additions and multiplications
// that round alike everywhere: the answers are bit for bit the same whatever the vector length.
#ifndef ELDR_CORE_RESIDENCY_RESIDENCY_KERNELS_H_
#define ELDR_CORE_RESIDENCY_RESIDENCY_KERNELS_H_

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
// and what one is rounded by, every node's sum is off by. A product of both fits so often into 32
// bits that a sum need not widen at each step.
inline constexpr int kActivationBits = 15;
inline constexpr int kSurvivalBits = 13;
// A byte: 1 is 255, so that an empty cell is exact.
inline constexpr int kCoarseOne = 255;
// What ChangeHazards answers counts in units of 2^-22.
inline constexpr int kTouchedBits = 22;

// One expert group's rows; each starts on a cache line and has PaddedCells.
struct ResidencyRows {
  std::int32_t* hazard;    // x, with kHazardFractionBits
  std::int16_t* survival;  // exp(-x), with kSurvivalBits
  std::uint8_t* coarse;    // the same in parts of kCoarseOne, rounded from `survival`
};

// Adds factor * hazard_of_code[code] to each cell's hazard, derives the other rows from it, and
// answers the sum over all cells of 1 - exp(-x). REQUIRES: at most PaddedCells codes.
std::uint64_t ChangeHazards(absl::Span<const std::uint8_t> codes,
                            const std::array<std::int32_t, 256>& hazard_of_code,
                            std::int32_t factor, const ResidencyRows& rows);

// Sums of products of an activation row and a row of survivals. REQUIRES: `padded_cells` is what
// PaddedCells answers; no activation is negative, no survival above 1.
std::uint64_t SumSurvival(const std::int16_t* activation, const std::int16_t* survival,
                          std::size_t padded_cells);
// Fetches the row that is read next: rows of a large fleet come from afar, and the processor's own
// foresight ends with each.
std::uint64_t SumCoarse(const std::int16_t* activation, const std::uint8_t* coarse,
                        const std::uint8_t* next, std::size_t padded_cells);

// Writes table[code] for each code, and answers their sum. The table's bytes stand apart: the low
// ones first, then the high ones.
std::uint64_t LookUpActivation(absl::Span<const std::uint8_t> codes,
                               const std::array<std::uint8_t, 512>& table, std::int16_t* out);

}  // namespace eldr

#endif  // ELDR_CORE_RESIDENCY_RESIDENCY_KERNELS_H_
