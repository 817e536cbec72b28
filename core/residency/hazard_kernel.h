// The loop over cells of a placement or a release, in SIMD chosen at run time for the machine.
#ifndef ELDR_CORE_RESIDENCY_HAZARD_KERNEL_H_
#define ELDR_CORE_RESIDENCY_HAZARD_KERNEL_H_

#include <cstdint>

#include "absl/types/span.h"

namespace eldr {

// What ChangeHazards answers counts in units of 2^-16.
inline constexpr int kTouchedBits = 16;

// One expert group's rows; each starts on a cache line and has PaddedCells (score_kernel.h).
struct ResidencyRows {
  // x, with kHazardFractionBits: 16 low bits and as many high ones, since a vector holds twice as
  // many cells so.
  std::uint16_t* low;
  std::uint16_t* high;
  // 16 more bits above them, for a group whose hazards may not fit 32; null for any other, which
  // takes less time so.
  std::uint16_t* top;
  std::int8_t* survival;  // exp(-x), as score_kernel.h has it
};

// Adds multiplicity * HazardOfCode()[code] to each cell's hazard, or takes it off if `remove`;
// derives the survivals from it, and answers the sum over all cells of 1 - exp(-x).
//
// Integer arithmetic: the same on every machine, bit for bit. A cell's 1 - exp(-x) is within 2.1
// units of the exact one, with a mean of 0.5 at most over any eighth of x, so that errors cancel in
// sums. From x = 7.875 on, where 2^-11 is left, it is 1 but for two units. At x = 0 it is 0.
// REQUIRES: at most PaddedCells codes; no hazard leaves [0, 2^32), or [0, 2^48) with a top row.
std::uint64_t ChangeHazards(absl::Span<const std::uint8_t> codes, std::uint32_t multiplicity,
                            bool remove, const ResidencyRows& rows);

}  // namespace eldr

#endif  // ELDR_CORE_RESIDENCY_HAZARD_KERNEL_H_
