// Sums of narrow lanes that do not overflow. Included once for each SIMD target.
#if defined(ELDR_CORE_RESIDENCY_WIDEN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ELDR_CORE_RESIDENCY_WIDEN_INL_H_
#undef ELDR_CORE_RESIDENCY_WIDEN_INL_H_
#else
#define ELDR_CORE_RESIDENCY_WIDEN_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace eldr {
namespace HWY_NAMESPACE {

using TagI64 = hwy::HWY_NAMESPACE::ScalableTag<std::int64_t>;
using TagI32 = hwy::HWY_NAMESPACE::ScalableTag<std::int32_t>;
using VecI64 = hwy::HWY_NAMESPACE::Vec<TagI64>;
using VecI32 = hwy::HWY_NAMESPACE::Vec<TagI32>;

// Adds signed lanes of 32 bits to sums of 64 bits.
HWY_INLINE VecI64 AddWidened(VecI64 sum, VecI32 part) {
  namespace hn = hwy::HWY_NAMESPACE;
  const TagI64 wide;
#if HWY_TARGET == HWY_SCALAR
  return hn::Add(sum, hn::Set(wide, hn::GetLane(part)));
#else
  const VecI64 pairs = hn::BitCast(wide, part);
  const VecI64 low = hn::ShiftRight<32>(hn::ShiftLeft<32>(pairs));
  return hn::Add(sum, hn::Add(low, hn::ShiftRight<32>(pairs)));
#endif
}

// The sum of all lanes of vectors of unsigned 16 bits.
class Sum16 {
 public:
  using Tag = hwy::HWY_NAMESPACE::ScalableTag<std::uint16_t>;
  // How many vectors may be added before Widen is called again.
  static constexpr std::size_t kVectors = std::size_t{1} << 14;

  // Not by initialisers of members: the constructor that they make is of no SIMD target.
  HWY_INLINE Sum16()
      : sum_(hwy::HWY_NAMESPACE::Zero(TagI64())),
        part_(hwy::HWY_NAMESPACE::Zero(TagI32())),
        other_(hwy::HWY_NAMESPACE::Zero(TagI32())) {}

  HWY_INLINE void Add(hwy::HWY_NAMESPACE::Vec<Tag> values) {
    namespace hn = hwy::HWY_NAMESPACE;
    ++vectors_;
#if HWY_TARGET == HWY_SCALAR
    part_ = hn::Add(part_, hn::Set(TagI32(), hn::GetLane(values)));
#else
    // What there is multiplies signed lanes and adds up pairs.
    const hn::RebindToSigned<Tag> narrow;
    const auto less = hn::BitCast(narrow, hn::Xor(values, hn::Set(Tag(), 0x8000)));
    part_ = hn::ReorderWidenMulAccumulate(TagI32(), less, hn::Set(narrow, 1), part_, other_);
#endif
  }
  HWY_INLINE void Widen() {
    namespace hn = hwy::HWY_NAMESPACE;
    sum_ = AddWidened(AddWidened(sum_, part_), other_);
    part_ = other_ = hn::Zero(TagI32());
  }
  HWY_INLINE std::uint64_t Total() const {
    namespace hn = hwy::HWY_NAMESPACE;
    const auto total = static_cast<std::uint64_t>(hn::GetLane(hn::SumOfLanes(TagI64(), sum_)));
#if HWY_TARGET == HWY_SCALAR
    return total;
#else
    return total + (vectors_ << 15) * hn::Lanes(Tag());
#endif
  }

 private:
  std::uint64_t vectors_ = 0;
  VecI64 sum_;
  VecI32 part_;
  VecI32 other_;
};

}  // namespace HWY_NAMESPACE
}  // namespace eldr
HWY_AFTER_NAMESPACE();

#endif  // ELDR_CORE_RESIDENCY_WIDEN_INL_H_
