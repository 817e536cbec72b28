// A gather whose iterations do not wait for each other. Included once for each SIMD target.
#if defined(ELDR_CORE_RESIDENCY_GATHER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ELDR_CORE_RESIDENCY_GATHER_INL_H_
#undef ELDR_CORE_RESIDENCY_GATHER_INL_H_
#else
#define ELDR_CORE_RESIDENCY_GATHER_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace eldr {
namespace HWY_NAMESPACE {

// base[index] by lane, `scale` bytes apart. The processor's instruction merges into a register,
// and so waits for what wrote that last. For AVX-512 g++ takes any that is free, also where a
// zeroed one is asked for but the mask is known to take every lane; in a loop that is one that the
// iteration before wrote at its end, and nothing overlaps any more: five times the time. So it is
// not to know the mask.
template <int scale, class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
HWY_INLINE V GatherScaled(D d, const std::int32_t* base, V index) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  static_assert(sizeof(index.raw) == 64);
  (void)d;
  __mmask16 every_lane = 0xffff;
  asm("" : "+Yk"(every_lane));
  return V{_mm512_mask_i32gather_epi32(_mm512_setzero_si512(), every_lane, index.raw, base, scale)};
#else
  return hwy::HWY_NAMESPACE::GatherOffset(
      d, base, hwy::HWY_NAMESPACE::Mul(index, hwy::HWY_NAMESPACE::Set(d, scale)));
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace eldr
HWY_AFTER_NAMESPACE();

#endif  // ELDR_CORE_RESIDENCY_GATHER_INL_H_
