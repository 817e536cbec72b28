// The estimate's loop over cells, in SIMD chosen at run time for the machine.
#ifndef ELDR_CORE_RESIDENCY_ESTIMATE_KERNEL_H_
#define ELDR_CORE_RESIDENCY_ESTIMATE_KERNEL_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace eldr {

// Finding a code needs a logarithm of a logarithm. A table over the leading bits of the float does
// it in one look-up: 17 powers of two (2^-17 to 1), each in 256 parts. Near p_max, where the hazard
// is steepest, a part spans 5 % of it, as much as a code does.
inline constexpr int kLookupMantissaBits = 8;
inline constexpr int kLookupShift = 23 - kLookupMantissaBits;
inline constexpr int kLookupPowers = 17;
inline constexpr std::uint32_t kLookupSize = kLookupPowers << kLookupMantissaBits;
inline constexpr std::uint32_t kLookupBase = (127u - kLookupPowers) << kLookupMantissaBits;

// Codes in sixteenths, by part. One more in front for every smaller chance, and one more at the
// end, since a vector reads two entries for each.
using FineCodes = std::array<std::uint16_t, 1 + kLookupSize + 1>;

// 0 to 15, each once, neighbours far apart; then again, so that a vector may start anywhere.
inline constexpr std::array<std::int32_t, 32> kDithers = {0,  8,  4,  12, 2,  10, 6, 14, 1,  9, 5,
                                                          13, 3,  11, 7,  15, 0,  8, 4,  12, 2, 10,
                                                          6,  14, 1,  9,  5,  13, 3, 11, 7,  15};

struct EstimateScales {
  float per_count;
  float per_prior;
  float p_max;
};

// Writes, for cells in [begin, end), the code of min(p_max, count * per_count + prior * per_prior):
// the one at or above the chance's place, the more often the nearer it is. With dithers spread
// evenly over the cells, the rounding errors of equal chances cancel, where a fixed rule would add
// them up. All pointers are to cell 0. REQUIRES: at least kLeastCells cells.
inline constexpr std::size_t kLeastCells = 16;
void EstimateCodes(const std::uint8_t* counts, const float* prior, const EstimateScales& scales,
                   const FineCodes& fine_codes, std::size_t begin, std::size_t end,
                   std::uint8_t* codes);
void EstimateCodes(const std::uint16_t* counts, const float* prior, const EstimateScales& scales,
                   const FineCodes& fine_codes, std::size_t begin, std::size_t end,
                   std::uint8_t* codes);
void EstimateCodes(const std::uint32_t* counts, const float* prior, const EstimateScales& scales,
                   const FineCodes& fine_codes, std::size_t begin, std::size_t end,
                   std::uint8_t* codes);
// The same for cells of which only the prior is known: the code of min(p_max, prior).
void PriorCodes(const float* prior, float p_max, const FineCodes& fine_codes, std::size_t begin,
                std::size_t end, std::uint8_t* codes);

}  // namespace eldr

#endif  // ELDR_CORE_RESIDENCY_ESTIMATE_KERNEL_H_
