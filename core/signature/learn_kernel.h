// The prior's loop over cells, in SIMD chosen at run time for the machine.
#ifndef ELDR_CORE_SIGNATURE_LEARN_KERNEL_H_
#define ELDR_CORE_SIGNATURE_LEARN_KERNEL_H_

#include <cstddef>
#include <cstdint>

namespace eldr {

struct LearnScales {
  float per_count;
  float step;
  float most;  // that a cell gains
};

// activation += min(counts * per_count - activation * step, most), in each cell.
void LearnCounts(const std::uint8_t* counts, const LearnScales& scales, std::size_t size,
                 float* activation);
void LearnCounts(const std::uint16_t* counts, const LearnScales& scales, std::size_t size,
                 float* activation);
void LearnCounts(const std::uint32_t* counts, const LearnScales& scales, std::size_t size,
                 float* activation);

}  // namespace eldr

#endif  // ELDR_CORE_SIGNATURE_LEARN_KERNEL_H_
