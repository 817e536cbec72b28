// The loops over cells of the locality band, in SIMD chosen at run time for the machine.
//
// Sums are of integers, and what is not is rounded cell by cell: the answers are bit for bit the
// same whatever the vector length.
#ifndef ELDR_CORE_POLICY_BAND_KERNELS_H_
#define ELDR_CORE_POLICY_BAND_KERNELS_H_

#include <cstddef>
#include <cstdint>

namespace eldr {

// Rows end with zeros up to a multiple of this many cells, so that they are read in whole vectors.
inline constexpr std::size_t kBandRowCells = 64;
constexpr std::size_t PaddedBandCells(std::size_t cells) {
  return (cells + kBandRowCells - 1) / kBandRowCells * kBandRowCells;
}

// The largest of counts[i] * weights[i], or of the counts if `weights` is nullptr. 0 if there are
// none.
float LargestWeighted(const std::uint8_t* counts, const float* weights, std::size_t size);
float LargestWeighted(const std::uint16_t* counts, const float* weights, std::size_t size);
float LargestWeighted(const std::uint32_t* counts, const float* weights, std::size_t size);

// Writes the integer nearest to counts[i] * weights[i] * factor, and answers the sum of their
// squares. REQUIRES: 0 to 32,767 come out; at most 2^31 cells.
std::uint64_t QuantizeWeighted(const std::uint8_t* counts, const float* weights, std::size_t size,
                               float factor, std::int16_t* out);
std::uint64_t QuantizeWeighted(const std::uint16_t* counts, const float* weights, std::size_t size,
                               float factor, std::int16_t* out);
std::uint64_t QuantizeWeighted(const std::uint32_t* counts, const float* weights, std::size_t size,
                               float factor, std::int16_t* out);

// For each row the sum of the products of its cells and the vector's. The rows lie one after the
// other. REQUIRES: all start on a cache line; `padded_cells` is what PaddedBandCells answers.
void SumRows(const std::int16_t* vector, const std::int8_t* rows, std::size_t count,
             std::size_t padded_cells, std::int64_t* sums);

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_BAND_KERNELS_H_
