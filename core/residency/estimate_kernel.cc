#include "core/residency/estimate_kernel.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/residency/estimate_kernel.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After it, so that it is included for each target.
#include "core/residency/gather-inl.h"
#include "core/signature/load_counts-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace eldr {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// At most 16 lanes: as many as the dithers that follow any of the first 16.
const hn::CappedTag<float, 16> kF32;
const hn::CappedTag<std::int32_t, 16> kI32;
const hn::Rebind<std::uint8_t, decltype(kI32)> kByte;
using F32 = hn::Vec<decltype(kF32)>;
using I32 = hn::Vec<decltype(kI32)>;

HWY_INLINE I32 Codes(F32 activation, I32 dither, const std::uint16_t* fine_codes) {
  const I32 part = hn::ShiftRight<kLookupShift>(hn::BitCast(kI32, activation));
  constexpr auto kBefore = static_cast<std::int32_t>(kLookupBase) - 1;
  constexpr auto kLast = static_cast<std::int32_t>(kLookupSize);
  const I32 place =
      hn::Min(hn::Max(hn::Sub(part, hn::Set(kI32, kBefore)), hn::Zero(kI32)), hn::Set(kI32, kLast));
  const I32 read = GatherScaled<2>(kI32, reinterpret_cast<const std::int32_t*>(fine_codes), place);
  const I32 fine = hn::And(read, hn::Set(kI32, 0xffff));
  const I32 code = hn::ShiftRight<4>(hn::Add(fine, dither));
  // Below the first part no dither makes a code.
  return hn::IfThenZeroElse(hn::Eq(place, hn::Zero(kI32)), code);
}

// `activation` answers the chances of the vector of cells that starts at a cell.
template <typename Load>
HWY_INLINE void CodesOfCells(const Load& activation, const std::uint16_t* fine_codes,
                             std::size_t begin, std::size_t end, std::uint8_t* HWY_RESTRICT codes) {
  const std::size_t lanes = hn::Lanes(kI32);
  for (std::size_t cell = begin; cell < end;) {
    // The last vector reaches back over cells that are done: the same codes come out again.
    cell = std::min(cell, end - lanes);
    const I32 dither = hn::LoadU(kI32, kDithers.data() + cell % 16);
    const I32 code = Codes(activation(cell), dither, fine_codes);
    hn::StoreU(hn::DemoteTo(kByte, code), kByte, codes + cell);
    cell += lanes;
  }
}

template <typename Count>
void EstimateCodesOf(const Count* HWY_RESTRICT counts, const float* HWY_RESTRICT prior,
                     const EstimateScales& scales, const std::uint16_t* HWY_RESTRICT fine_codes,
                     std::size_t begin, std::size_t end, std::uint8_t* HWY_RESTRICT codes) {
  const F32 per_count = hn::Set(kF32, scales.per_count);
  const F32 per_prior = hn::Set(kF32, scales.per_prior);
  const F32 p_max = hn::Set(kF32, scales.p_max);
  const auto estimate = [&](std::size_t cell) HWY_ATTR {
    const F32 counted = hn::Mul(hn::ConvertTo(kF32, LoadCounts(kI32, counts + cell)), per_count);
    const F32 p = hn::Add(counted, hn::Mul(hn::LoadU(kF32, prior + cell), per_prior));
    return hn::Min(p, p_max);
  };
  CodesOfCells(estimate, fine_codes, begin, end, codes);
}

void PriorCodes(const float* HWY_RESTRICT prior, float p_max,
                const std::uint16_t* HWY_RESTRICT fine_codes, std::size_t begin, std::size_t end,
                std::uint8_t* HWY_RESTRICT codes) {
  const F32 most = hn::Set(kF32, p_max);
  const auto estimate = [&](std::size_t cell)
                            HWY_ATTR { return hn::Min(hn::LoadU(kF32, prior + cell), most); };
  CodesOfCells(estimate, fine_codes, begin, end, codes);
}

void EstimateCodes8(const std::uint8_t* counts, const float* prior, const EstimateScales& scales,
                    const std::uint16_t* fine_codes, std::size_t begin, std::size_t end,
                    std::uint8_t* codes) {
  EstimateCodesOf(counts, prior, scales, fine_codes, begin, end, codes);
}
void EstimateCodes16(const std::uint16_t* counts, const float* prior, const EstimateScales& scales,
                     const std::uint16_t* fine_codes, std::size_t begin, std::size_t end,
                     std::uint8_t* codes) {
  EstimateCodesOf(counts, prior, scales, fine_codes, begin, end, codes);
}
void EstimateCodes32(const std::uint32_t* counts, const float* prior, const EstimateScales& scales,
                     const std::uint16_t* fine_codes, std::size_t begin, std::size_t end,
                     std::uint8_t* codes) {
  EstimateCodesOf(counts, prior, scales, fine_codes, begin, end, codes);
}

}  // namespace HWY_NAMESPACE
}  // namespace eldr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eldr {
HWY_EXPORT(EstimateCodes8);
HWY_EXPORT(EstimateCodes16);
HWY_EXPORT(EstimateCodes32);
HWY_EXPORT(PriorCodes);

void EstimateCodes(const std::uint8_t* counts, const float* prior, const EstimateScales& scales,
                   const FineCodes& fine_codes, std::size_t begin, std::size_t end,
                   std::uint8_t* codes) {
  HWY_DYNAMIC_DISPATCH(EstimateCodes8)
  (counts, prior, scales, fine_codes.data(), begin, end, codes);
}

void EstimateCodes(const std::uint16_t* counts, const float* prior, const EstimateScales& scales,
                   const FineCodes& fine_codes, std::size_t begin, std::size_t end,
                   std::uint8_t* codes) {
  HWY_DYNAMIC_DISPATCH(EstimateCodes16)
  (counts, prior, scales, fine_codes.data(), begin, end, codes);
}

void EstimateCodes(const std::uint32_t* counts, const float* prior, const EstimateScales& scales,
                   const FineCodes& fine_codes, std::size_t begin, std::size_t end,
                   std::uint8_t* codes) {
  HWY_DYNAMIC_DISPATCH(EstimateCodes32)
  (counts, prior, scales, fine_codes.data(), begin, end, codes);
}

void PriorCodes(const float* prior, float p_max, const FineCodes& fine_codes, std::size_t begin,
                std::size_t end, std::uint8_t* codes) {
  HWY_DYNAMIC_DISPATCH(PriorCodes)(prior, p_max, fine_codes.data(), begin, end, codes);
}

}  // namespace eldr
#endif  // HWY_ONCE
