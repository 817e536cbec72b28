#include "core/signature/learn_kernel.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/signature/learn_kernel.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After it, so that it is included for each target.
#include "core/signature/load_counts-inl.h"
#include "hwy/highway.h"

#ifndef ELDR_CORE_SIGNATURE_LEARN_KERNEL_ONCE_
#define ELDR_CORE_SIGNATURE_LEARN_KERNEL_ONCE_
namespace eldr {
namespace {

template <typename Count>
inline float Change(Count count, const LearnScales& scales, float activation) {
  const float change = static_cast<float>(count) * scales.per_count - activation * scales.step;
  return std::min(change, scales.most);
}

}  // namespace
}  // namespace eldr
#endif  // ELDR_CORE_SIGNATURE_LEARN_KERNEL_ONCE_

HWY_BEFORE_NAMESPACE();
namespace eldr {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

const hn::ScalableTag<float> kF32;
const hn::ScalableTag<std::int32_t> kI32;
using F32 = hn::Vec<decltype(kF32)>;

template <typename Count>
void Learn(const Count* HWY_RESTRICT counts, const LearnScales& scales, std::size_t size,
           float* HWY_RESTRICT activation) {
  const std::size_t lanes = hn::Lanes(kI32);
  std::size_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    const F32 a = hn::LoadU(kF32, activation + i);
    const F32 count = hn::ConvertTo(kF32, LoadCounts(kI32, counts + i));
    const F32 change = hn::Sub(hn::Mul(count, hn::Set(kF32, scales.per_count)),
                               hn::Mul(a, hn::Set(kF32, scales.step)));
    hn::StoreU(hn::Add(a, hn::Min(change, hn::Set(kF32, scales.most))), kF32, activation + i);
  }
  for (; i < size; ++i) activation[i] += Change(counts[i], scales, activation[i]);
}

void Learn8(const std::uint8_t* counts, const LearnScales& scales, std::size_t size,
            float* activation) {
  Learn(counts, scales, size, activation);
}
void Learn16(const std::uint16_t* counts, const LearnScales& scales, std::size_t size,
             float* activation) {
  Learn(counts, scales, size, activation);
}

}  // namespace HWY_NAMESPACE
}  // namespace eldr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eldr {
HWY_EXPORT(Learn8);
HWY_EXPORT(Learn16);

void LearnCounts(const std::uint8_t* counts, const LearnScales& scales, std::size_t size,
                 float* activation) {
  HWY_DYNAMIC_DISPATCH(Learn8)(counts, scales, size, activation);
}

void LearnCounts(const std::uint16_t* counts, const LearnScales& scales, std::size_t size,
                 float* activation) {
  HWY_DYNAMIC_DISPATCH(Learn16)(counts, scales, size, activation);
}

// Rare: 16 bits hold all but the longest prompts.
void LearnCounts(const std::uint32_t* counts, const LearnScales& scales, std::size_t size,
                 float* activation) {
  for (std::size_t i = 0; i < size; ++i) activation[i] += Change(counts[i], scales, activation[i]);
}

}  // namespace eldr
#endif  // HWY_ONCE
