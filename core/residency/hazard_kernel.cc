#include "core/residency/hazard_kernel.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/aligned_vector.h"
#include "core/residency/contribution.h"

// The permutations of bytes that HazardOfOne uses come with this target.
#define HWY_WANT_AVX3_DL
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/residency/hazard_kernel.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After it, so that it is included for each target.
#include "core/residency/widen-inl.h"
#include "hwy/highway.h"

#ifndef ELDR_CORE_RESIDENCY_HAZARD_KERNEL_CC_
#define ELDR_CORE_RESIDENCY_HAZARD_KERNEL_CC_
namespace eldr {

// Eighths of x that exp(-x) is told apart in; the last stands for all above it too.
inline constexpr std::size_t kEighths = 64;

struct HazardTables {
  // By code, times the multiplicity: bits 0 to 31, and those above, which only a top row takes.
  alignas(kCacheLineBytes) std::array<std::uint32_t, kHazardCodes> added;
  alignas(kCacheLineBytes) std::array<std::uint16_t, kHazardCodes> added_top;
  // The same of multiplicity 1 by bytes: bits 0 to 7, 8 to 15 and 16 to 23.
  alignas(kCacheLineBytes) std::array<std::array<std::uint8_t, kHazardCodes>, 3> bytes;
  // 1 - exp(-x) in the middle of each eighth, with kTouchedBits.
  alignas(kCacheLineBytes) std::array<std::uint16_t, kEighths> touched;
};

}  // namespace eldr
#endif  // ELDR_CORE_RESIDENCY_HAZARD_KERNEL_CC_

HWY_BEFORE_NAMESPACE();
namespace eldr {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

const hn::ScalableTag<std::uint16_t> kU16;
const hn::RebindToSigned<decltype(kU16)> kI16;
using U16 = hn::Vec<decltype(kU16)>;
using I16 = hn::Vec<decltype(kI16)>;

// Both forms of what is added write that of the 2 * Lanes(kU16) cells from `codes` on.
class AnyHazard {
 public:
  explicit AnyHazard(const HazardTables& tables)
      : added_(tables.added.data()), added_top_(tables.added_top.data()) {}

  HWY_INLINE void Read(const std::uint8_t* HWY_RESTRICT codes, U16& low0, U16& low1, U16& high0,
                       U16& high1) const {
    const std::size_t lanes = hn::Lanes(kU16);
    HWY_ALIGN std::uint16_t low[2 * hn::MaxLanes(kU16)], high[2 * hn::MaxLanes(kU16)];
    for (std::size_t i = 0; i < 2 * lanes; ++i) {
      const std::uint32_t added = added_[codes[i]];
      low[i] = static_cast<std::uint16_t>(added);
      high[i] = static_cast<std::uint16_t>(added >> 16);
    }
    low0 = hn::Load(kU16, low);
    low1 = hn::Load(kU16, low + lanes);
    high0 = hn::Load(kU16, high);
    high1 = hn::Load(kU16, high + lanes);
  }
  HWY_INLINE void ReadTop(const std::uint8_t* HWY_RESTRICT codes, U16& top0, U16& top1) const {
    const std::size_t lanes = hn::Lanes(kU16);
    HWY_ALIGN std::uint16_t top[2 * hn::MaxLanes(kU16)];
    for (std::size_t i = 0; i < 2 * lanes; ++i) top[i] = added_top_[codes[i]];
    top0 = hn::Load(kU16, top);
    top1 = hn::Load(kU16, top + lanes);
  }

 private:
  const std::uint32_t* const added_;
  const std::uint16_t* const added_top_;
};

#if HWY_TARGET == HWY_AVX3_DL
// Four registers hold the 256 bytes of a table. Of hazards, which rise with the code, the first 64
// fit a byte and all but the last 64 fit two, so that eight do instead of twelve.
class HazardOfOne {
 public:
  explicit HazardOfOne(const HazardTables& tables) {
    for (std::size_t i = 0; i < 4; ++i)
      low_[i] = _mm512_load_si512(tables.bytes[0].data() + 64 * i);
    for (std::size_t i = 1; i < 4; ++i) {
      middle_[i - 1] = _mm512_load_si512(tables.bytes[1].data() + 64 * i);
    }
    high_ = _mm512_load_si512(tables.bytes[2].data() + 192);
  }

  HWY_INLINE void Read(const std::uint8_t* HWY_RESTRICT codes, U16& low0, U16& low1, U16& high0,
                       U16& high1) const {
    // Undoes that unpacking interleaves within lanes of 128 bits.
    const __m512i order = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
    const __m512i code = _mm512_permutexvar_epi64(order, _mm512_loadu_si512(codes));
    const __mmask64 bit6 = _mm512_movepi8_mask(_mm512_slli_epi16(code, 1));
    const __mmask64 bit7 = _mm512_movepi8_mask(code);
    const __mmask64 both = bit6 & bit7;
    __m512i low = _mm512_permutexvar_epi8(code, low_[0]);
    low = _mm512_mask_permutexvar_epi8(low, bit6, code, low_[1]);
    low = _mm512_mask_permutexvar_epi8(low, bit7, code, low_[2]);
    low = _mm512_mask_permutexvar_epi8(low, both, code, low_[3]);
    __m512i middle = _mm512_maskz_permutexvar_epi8(bit6, code, middle_[0]);
    middle = _mm512_mask_permutexvar_epi8(middle, bit7, code, middle_[1]);
    middle = _mm512_mask_permutexvar_epi8(middle, both, code, middle_[2]);
    const __m512i high = _mm512_maskz_permutexvar_epi8(both, code, high_);
    low0 = U16{_mm512_unpacklo_epi8(low, middle)};
    low1 = U16{_mm512_unpackhi_epi8(low, middle)};
    high0 = U16{_mm512_unpacklo_epi8(high, _mm512_setzero_si512())};
    high1 = U16{_mm512_unpackhi_epi8(high, _mm512_setzero_si512())};
  }
  // One hazard has 18 bits.
  HWY_INLINE void ReadTop(const std::uint8_t*, U16& top0, U16& top1) const {
    top0 = top1 = hn::Zero(kU16);
  }

 private:
  __m512i low_[4], middle_[3], high_;
};
#else
using HazardOfOne = AnyHazard;
#endif

HWY_INLINE U16 LookUpEighth(const std::uint16_t* HWY_RESTRICT table, U16 eighth) {
#if HWY_TARGET == HWY_AVX3_DL
  return U16{_mm512_permutex2var_epi16(_mm512_load_si512(table), eighth.raw,
                                       _mm512_load_si512(table + 32))};
#else
  const std::size_t lanes = hn::Lanes(kU16);
  HWY_ALIGN std::uint16_t values[hn::MaxLanes(kU16)];
  hn::Store(eighth, kU16, values);
  for (std::size_t i = 0; i < lanes; ++i) values[i] = table[values[i]];
  return hn::Load(kU16, values);
#endif
}

// 1 - exp(-x): around the middle of x's eighth, times a polynomial of the distance to it. It meets
// 0 at x = 0.
HWY_INLINE U16 Touched(U16 low, U16 high, const std::uint16_t* HWY_RESTRICT table) {
  const U16 whole = hn::Min(high, hn::Set(kU16, 8));
  const U16 eighth = hn::Min(hn::Or(hn::ShiftLeft<3>(whole), hn::ShiftRight<13>(low)),
                             hn::Set(kU16, kEighths - 1));
  const U16 middle = hn::BitCast(kU16, LookUpEighth(table, eighth));
  // v in [-1, 1) with 15 bits: sixteenths above the middle.
  const I16 v = hn::BitCast(kI16, hn::Xor(hn::ShiftLeft<3>(low), hn::Set(kU16, 0x8000)));
  // 1 - exp(-v / 16) = v / 16 * (1 - v / 32 + v^2 / 1536), with 14 bits in brackets; of the last
  // term its mean slope.
  const I16 bracket = hn::Sub(hn::Set(kI16, (1 << 14) + 10), hn::ShiftRight<6>(v));
  const I16 lost = hn::MulFixedPoint15(v, bracket);
  // exp(-x) in the middle, with 13 bits.
  const I16 survival =
      hn::BitCast(kI16, hn::Sub(hn::Set(kU16, 1 << 13), hn::ShiftRight<3>(middle)));
  return hn::Add(middle, hn::BitCast(kU16, hn::MulFixedPoint15(survival, lost)));
}

// 127 less 255 parts of 1 - exp(-x), rounded.
HWY_INLINE void StoreSurvival(U16 touched0, U16 touched1, std::int8_t* HWY_RESTRICT survival) {
  // The parts, and a half, are what is in the high byte of touched * 255 / 256 + 128.
  const auto word = [](U16 touched) HWY_ATTR {
    const U16 parts = hn::Sub(hn::ShiftRight<8>(touched), touched);
    return hn::Add(parts, hn::Set(kU16, (127 << 8) + 127));
  };
  const U16 word0 = word(touched0), word1 = word(touched1);
#if HWY_TARGET == HWY_AVX3_DL
  alignas(64) static constexpr auto kOdd = [] {
    std::array<std::uint8_t, 64> odd{};
    for (std::size_t i = 0; i < odd.size(); ++i) odd[i] = static_cast<std::uint8_t>(2 * i + 1);
    return odd;
  }();
  _mm512_store_si512(
      survival, _mm512_permutex2var_epi8(word0.raw, _mm512_load_si512(kOdd.data()), word1.raw));
#else
  const hn::Rebind<std::int8_t, decltype(kI16)> byte;
  hn::Store(hn::DemoteTo(byte, hn::ShiftRight<8>(hn::BitCast(kI16, word0))), byte, survival);
  hn::Store(hn::DemoteTo(byte, hn::ShiftRight<8>(hn::BitCast(kI16, word1))), byte,
            survival + hn::Lanes(kI16));
#endif
}

// The same with the bits above these two: any of them is far beyond the last eighth.
HWY_INLINE U16 Touched(U16 low, U16 high, U16 top, const std::uint16_t* HWY_RESTRICT table) {
  const U16 none = hn::VecFromMask(kU16, hn::Eq(top, hn::Zero(kU16)));
  return Touched(low, hn::Or(high, hn::Not(none)), table);
}

// x +- added, carrying from the low bits into the high ones.
template <bool removes>
HWY_INLINE void Change(U16 added_low, U16 added_high, U16& low, U16& high) {
  const U16 one = hn::Set(kU16, 1);
  if constexpr (removes) {
    const auto borrow = hn::Lt(low, added_low);
    low = hn::Sub(low, added_low);
    high = hn::Sub(high, added_high);
    high = hn::IfThenElse(borrow, hn::Sub(high, one), high);
  } else {
    low = hn::Add(low, added_low);
    high = hn::Add(high, added_high);
    high = hn::IfThenElse(hn::Lt(low, added_low), hn::Add(high, one), high);
  }
}

// The same, carrying on into the top bits.
template <bool removes>
HWY_INLINE void Change(U16 added_low, U16 added_high, U16 added_top, U16& low, U16& high,
                       U16& top) {
  // Masks as vectors of all ones, which is -1.
  const auto less = [](U16 a, U16 b) HWY_ATTR { return hn::VecFromMask(kU16, hn::Lt(a, b)); };
  if constexpr (removes) {
    const U16 borrow = less(low, added_low);
    const U16 high_borrow = less(high, added_high);
    low = hn::Sub(low, added_low);
    high = hn::Sub(high, added_high);
    // Of a zero one more goes; where that borrows, taking off `added_high` did not.
    const U16 both = hn::And(borrow, hn::VecFromMask(kU16, hn::Eq(high, hn::Zero(kU16))));
    high = hn::Add(high, borrow);
    top = hn::Add(hn::Sub(top, added_top), hn::Or(high_borrow, both));
  } else {
    low = hn::Add(low, added_low);
    high = hn::Add(high, added_high);
    const U16 carry = less(low, added_low);
    const U16 high_carry = less(high, added_high);
    const U16 both = hn::And(carry, hn::VecFromMask(kU16, hn::Eq(high, hn::Set(kU16, 0xffff))));
    high = hn::Sub(high, carry);
    top = hn::Sub(hn::Add(top, added_top), hn::Or(high_carry, both));
  }
}

template <bool removes, bool has_top, class Hazard>
std::uint64_t ChangeRows(const std::uint8_t* HWY_RESTRICT codes, std::size_t count,
                         const HazardTables& tables, const ResidencyRows& rows) {
  const Hazard hazard(tables);
  const std::uint16_t* HWY_RESTRICT table = tables.touched.data();
  std::uint16_t* HWY_RESTRICT const low_row = rows.low;
  std::uint16_t* HWY_RESTRICT const high_row = rows.high;
  std::uint16_t* HWY_RESTRICT const top_row = rows.top;
  std::int8_t* HWY_RESTRICT const survival_row = rows.survival;
  const std::size_t lanes = hn::Lanes(kU16);
  const auto change_vector = [=](std::size_t cell, U16 added_low, U16 added_high,
                                 [[maybe_unused]] U16 added_top) HWY_ATTR {
    U16 low = hn::Load(kU16, low_row + cell), high = hn::Load(kU16, high_row + cell);
    if constexpr (has_top) {
      U16 top = hn::Load(kU16, top_row + cell);
      Change<removes>(added_low, added_high, added_top, low, high, top);
      hn::Store(low, kU16, low_row + cell);
      hn::Store(high, kU16, high_row + cell);
      hn::Store(top, kU16, top_row + cell);
      return Touched(low, high, top, table);
    } else {
      Change<removes>(added_low, added_high, low, high);
      hn::Store(low, kU16, low_row + cell);
      hn::Store(high, kU16, high_row + cell);
      return Touched(low, high, table);
    }
  };
  Sum16 sum;
  const auto change = [&](const std::uint8_t* from, std::size_t cell) HWY_ATTR {
    U16 low0, low1, high0, high1;
    hazard.Read(from, low0, low1, high0, high1);
    U16 top0 = low0, top1 = low1;  // not read without a top row
    if constexpr (has_top) hazard.ReadTop(from, top0, top1);
    const U16 touched0 = change_vector(cell, low0, high0, top0);
    const U16 touched1 = change_vector(cell + lanes, low1, high1, top1);
    StoreSurvival(touched0, touched1, survival_row + cell);
    sum.Add(touched0);
    sum.Add(touched1);
  };
  const std::size_t step = 2 * lanes;
  std::size_t cell = 0;
  while (cell + step <= count) {
    const std::size_t end = std::min(count, cell + Sum16::kVectors * lanes);
    for (; cell + step <= end; cell += step) change(codes + cell, cell);
    sum.Widen();
  }
  if (cell < count) {
    HWY_ALIGN std::uint8_t rest[2 * hn::MaxLanes(kU16)] = {};
    std::copy(codes + cell, codes + count, rest);
    change(rest, cell);
    sum.Widen();
  }
  return sum.Total();
}

template <bool removes, bool has_top>
std::uint64_t ChangeRows(const std::uint8_t* codes, std::size_t count, bool once,
                         const HazardTables& tables, const ResidencyRows& rows) {
  return once ? ChangeRows<removes, has_top, HazardOfOne>(codes, count, tables, rows)
              : ChangeRows<removes, has_top, AnyHazard>(codes, count, tables, rows);
}

std::uint64_t ChangeHazards(const std::uint8_t* codes, std::size_t count, bool once, bool remove,
                            const HazardTables& tables, const ResidencyRows& rows) {
  if (rows.top == nullptr) {
    return remove ? ChangeRows<true, false>(codes, count, once, tables, rows)
                  : ChangeRows<false, false>(codes, count, once, tables, rows);
  }
  return remove ? ChangeRows<true, true>(codes, count, once, tables, rows)
                : ChangeRows<false, true>(codes, count, once, tables, rows);
}

}  // namespace HWY_NAMESPACE
}  // namespace eldr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eldr {
namespace {

void SetAdded(std::uint32_t multiplicity, HazardTables& tables) {
  for (std::size_t code = 0; code < kHazardCodes; ++code) {
    const std::uint64_t added =
        static_cast<std::uint64_t>(HazardOfCode()[code]) * std::uint64_t{multiplicity};
    tables.added[code] = static_cast<std::uint32_t>(added);
    tables.added_top[code] = static_cast<std::uint16_t>(added >> 32);
  }
}

HazardTables TablesOfOne() {
  HazardTables tables;
  SetAdded(1, tables);
  for (std::size_t code = 0; code < kHazardCodes; ++code) {
    for (std::size_t byte = 0; byte < 3; ++byte) {
      tables.bytes[byte][code] = static_cast<std::uint8_t>(tables.added[code] >> (8 * byte));
    }
  }
  for (std::size_t i = 0; i < kEighths; ++i) {
    const double x = (static_cast<double>(i) + 0.5) / 8;
    tables.touched[i] =
        static_cast<std::uint16_t>(std::lround(std::ldexp(-std::expm1(-x), kTouchedBits)));
  }
  tables.touched.back() = 0xffff;
  return tables;
}

}  // namespace

HWY_EXPORT(ChangeHazards);

std::uint64_t ChangeHazards(absl::Span<const std::uint8_t> codes, std::uint32_t multiplicity,
                            bool remove, const ResidencyRows& rows) {
  static const HazardTables of_one = TablesOfOne();
  if (multiplicity == 1) {
    return HWY_DYNAMIC_DISPATCH(ChangeHazards)(codes.data(), codes.size(), true, remove, of_one,
                                               rows);
  }
  HazardTables of_many = of_one;
  SetAdded(multiplicity, of_many);
  return HWY_DYNAMIC_DISPATCH(ChangeHazards)(codes.data(), codes.size(), false, remove, of_many,
                                             rows);
}

}  // namespace eldr
#endif  // HWY_ONCE
