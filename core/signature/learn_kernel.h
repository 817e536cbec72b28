// The prior's loop over cells, in SIMD chosen at run time for the machine.
#ifndef ELDR_CORE_SIGNATURE_LEARN_KERNEL_H_
#define ELDR_CORE_SIGNATURE_LEARN_KERNEL_H_

#include <cstddef>
#include <cstdint>

namespace eldr {

// activation += counts * per_count - activation * step, in each cell.
void LearnCounts(const std::uint8_t* counts, float per_count, float step, std::size_t size,
                 float* activation);
void LearnCounts(const std::uint16_t* counts, float per_count, float step, std::size_t size,
                 float* activation);
void LearnCounts(const std::uint32_t* counts, float per_count, float step, std::size_t size,
                 float* activation);

}  // namespace eldr

#endif  // ELDR_CORE_SIGNATURE_LEARN_KERNEL_H_
