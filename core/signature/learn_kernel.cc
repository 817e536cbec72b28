#include "core/signature/learn_kernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/signature/learn_kernel.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After it, so that it is included for each target.
#include "core/signature/load_counts-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace eldr {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

const hn::ScalableTag<float> kF32;
const hn::ScalableTag<std::int32_t> kI32;
using F32 = hn::Vec<decltype(kF32)>;

template <typename Count>
void Learn(const Count* HWY_RESTRICT counts, float per_count, float step, std::size_t size,
           float* HWY_RESTRICT activation) {
  const std::size_t lanes = hn::Lanes(kI32);
  std::size_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    const F32 a = hn::LoadU(kF32, activation + i);
    const F32 count = hn::ConvertTo(kF32, LoadCounts(kI32, counts + i));
    const F32 change =
        hn::Sub(hn::Mul(count, hn::Set(kF32, per_count)), hn::Mul(a, hn::Set(kF32, step)));
    hn::StoreU(hn::Add(a, change), kF32, activation + i);
  }
  for (; i < size; ++i) {
    activation[i] += static_cast<float>(counts[i]) * per_count - activation[i] * step;
  }
}

void Learn8(const std::uint8_t* counts, float per_count, float step, std::size_t size,
            float* activation) {
  Learn(counts, per_count, step, size, activation);
}
void Learn16(const std::uint16_t* counts, float per_count, float step, std::size_t size,
             float* activation) {
  Learn(counts, per_count, step, size, activation);
}

}  // namespace HWY_NAMESPACE
}  // namespace eldr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eldr {
HWY_EXPORT(Learn8);
HWY_EXPORT(Learn16);

void LearnCounts(const std::uint8_t* counts, float per_count, float step, std::size_t size,
                 float* activation) {
  HWY_DYNAMIC_DISPATCH(Learn8)(counts, per_count, step, size, activation);
}

void LearnCounts(const std::uint16_t* counts, float per_count, float step, std::size_t size,
                 float* activation) {
  HWY_DYNAMIC_DISPATCH(Learn16)(counts, per_count, step, size, activation);
}

// Rare: 16 bits hold all but the longest prompts.
void LearnCounts(const std::uint32_t* counts, float per_count, float step, std::size_t size,
                 float* activation) {
  for (std::size_t i = 0; i < size; ++i) {
    activation[i] += static_cast<float>(counts[i]) * per_count - activation[i] * step;
  }
}

}  // namespace eldr
#endif  // HWY_ONCE
