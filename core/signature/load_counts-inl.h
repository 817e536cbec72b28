// A vector of a signature's counts, in whatever width they are kept. Included once for each SIMD
// target.
#if defined(ELDR_CORE_SIGNATURE_LOAD_COUNTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ELDR_CORE_SIGNATURE_LOAD_COUNTS_INL_H_
#undef ELDR_CORE_SIGNATURE_LOAD_COUNTS_INL_H_
#else
#define ELDR_CORE_SIGNATURE_LOAD_COUNTS_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace eldr {
namespace HWY_NAMESPACE {

// As many counts as `d`, a tag of std::int32_t, has lanes.
template <class D, typename Count>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> LoadCounts(D d, const Count* counts) {
  const hwy::HWY_NAMESPACE::Rebind<Count, D> narrow;
  return hwy::HWY_NAMESPACE::PromoteTo(d, hwy::HWY_NAMESPACE::LoadU(narrow, counts));
}
template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> LoadCounts(D d, const std::uint32_t* counts) {
  // No valid count comes near the sign bit.
  return hwy::HWY_NAMESPACE::LoadU(d, reinterpret_cast<const std::int32_t*>(counts));
}

}  // namespace HWY_NAMESPACE
}  // namespace eldr
HWY_AFTER_NAMESPACE();

#endif  // ELDR_CORE_SIGNATURE_LOAD_COUNTS_INL_H_
