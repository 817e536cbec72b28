// The loops over cells of the locality band, in SIMD chosen at run time for the machine.
//
// Sums are of integers, and what is not is rounded cell by cell: the answers are bit for bit the
// same whatever the vector length.
#ifndef ELDR_CORE_POLICY_BAND_KERNELS_H_
#define ELDR_CORE_POLICY_BAND_KERNELS_H_

#include <cstddef>
#include <cstdint>

namespace eldr {

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

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_BAND_KERNELS_H_
