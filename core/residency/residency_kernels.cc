#include "core/residency/residency_kernels.h"

#include <algorithm>

#include "core/base/aligned_vector.h"

// The permutations of bytes that LookUpActivation uses come with this target.
#define HWY_WANT_AVX3_DL
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/residency/residency_kernels.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After it, so that it is included for each target.
#include "core/residency/gather-inl.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace eldr {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

const hn::ScalableTag<float> kF32;
const hn::ScalableTag<std::int32_t> kI32;
const hn::ScalableTag<std::int16_t> kI16;
const hn::ScalableTag<std::uint64_t> kU64;
using F32 = hn::Vec<decltype(kF32)>;
using I32 = hn::Vec<decltype(kI32)>;
using U64 = hn::Vec<decltype(kU64)>;

// Adds lanes of 32 bits, which hold sums below 2^32, to sums of 64 bits.
HWY_INLINE U64 AddWidened(U64 sum, I32 part) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Add(sum, hn::Set(kU64, static_cast<std::uint32_t>(hn::GetLane(part))));
#else
  const U64 pairs = hn::BitCast(kU64, part);
  const U64 low = hn::And(pairs, hn::Set(kU64, 0xffffffffu));
  return hn::Add(sum, hn::Add(low, hn::ShiftRight<32>(pairs)));
#endif
}

HWY_INLINE std::uint64_t Total(U64 sums) { return hn::GetLane(hn::SumOfLanes(kU64, sums)); }

// exp(-x) of a fixed-point x with 16 fractional bits, with kTouchedBits, as 2^-n * 2^-f with n
// whole and f within half of 0. No fused operation, so that every machine rounds alike. At x = 0 it
// is 1.
HWY_INLINE I32 Survival(I32 x) {
  constexpr float kLog2e = 1.44269504f / 65536.0f;
  constexpr float kNothing = 100.0f;  // 2^-100 is 0 in every row
  // Added to a number below 2^22, it leaves the number's nearest integer in the lowest bits.
  const F32 shifter = hn::Set(kF32, 0x1.8p23f);
  const F32 t =
      hn::Min(hn::Mul(hn::ConvertTo(kF32, x), hn::Set(kF32, kLog2e)), hn::Set(kF32, kNothing));
  const F32 n = hn::Add(t, shifter);
  const F32 f = hn::Sub(t, hn::Sub(n, shifter));
  // Interpolates (2^-f - 1) / f at the Chebyshev nodes; off by 2e-7 at most.
  F32 p = hn::Set(kF32, -1.3381303e-3f);
  p = hn::Add(hn::Mul(p, f), hn::Set(kF32, 9.6663685e-3f));
  p = hn::Add(hn::Mul(p, f), hn::Set(kF32, -5.5503810e-2f));
  p = hn::Add(hn::Mul(p, f), hn::Set(kF32, 2.4022349e-1f));
  p = hn::Add(hn::Mul(p, f), hn::Set(kF32, -6.9314718e-1f));
  p = hn::Add(hn::Mul(p, f), hn::Set(kF32, 1.0f));
  // The exponent less n: of n's float only the integer in it is left after the shift.
  const I32 scaled = hn::Sub(hn::BitCast(kI32, p), hn::ShiftLeft<23>(hn::BitCast(kI32, n)));
  constexpr float kOne = 1 << kTouchedBits;
  const F32 rounded = hn::Add(hn::Mul(hn::BitCast(kF32, scaled), hn::Set(kF32, kOne)), shifter);
  return hn::Sub(hn::BitCast(kI32, rounded), hn::BitCast(kI32, shifter));
}

// Adds to each cell what `added_of_code` says; answers the sum of 1 - exp(-x), with kTouchedBits.
std::uint64_t ChangeHazards(const std::uint8_t* HWY_RESTRICT codes, std::size_t count,
                            const std::int32_t* HWY_RESTRICT added_of_code,
                            std::int32_t* HWY_RESTRICT hazard, std::int16_t* HWY_RESTRICT survival,
                            std::uint8_t* HWY_RESTRICT coarse) {
  const hn::Rebind<std::uint8_t, decltype(kI32)> byte;
  const hn::Rebind<std::int16_t, decltype(kI32)> word;
  const std::size_t lanes = hn::Lanes(kI32);
  constexpr std::int32_t kOne = 1 << kTouchedBits;
  const auto change = [=](const std::uint8_t* HWY_RESTRICT from, std::size_t cell) HWY_ATTR {
    const I32 code = hn::PromoteTo(kI32, hn::LoadU(byte, from));
    const I32 added = GatherScaled<4>(kI32, added_of_code, code);
    const I32 x = hn::Add(hn::Load(kI32, hazard + cell), added);
    hn::Store(x, kI32, hazard + cell);
    const I32 s = Survival(x);
    constexpr int kDropped = kTouchedBits - kSurvivalBits;
    const I32 fine = hn::ShiftRight<kDropped>(hn::Add(s, hn::Set(kI32, 1 << (kDropped - 1))));
    hn::Store(hn::DemoteTo(word, fine), word, survival + cell);
    static_assert(kCoarseOne == 255);
    const I32 parts = hn::Sub(hn::ShiftLeft<8>(fine), fine);
    const I32 half = hn::Set(kI32, 1 << (kSurvivalBits - 1));
    hn::Store(hn::DemoteTo(byte, hn::ShiftRight<kSurvivalBits>(hn::Add(parts, half))), byte,
              coarse + cell);
    return hn::Sub(hn::Set(kI32, kOne), s);
  };
  U64 touched = hn::Zero(kU64);
  std::size_t cell = 0;
  while (cell + lanes <= count) {
    // A lane of 32 bits holds this many.
    constexpr std::size_t kVectors = std::size_t{1} << (32 - kTouchedBits - 1);
    const std::size_t end = std::min(cell + kVectors * lanes, count);
    I32 part = hn::Zero(kI32);
    for (; cell + lanes <= end; cell += lanes) part = hn::Add(part, change(codes + cell, cell));
    touched = AddWidened(touched, part);
  }
  if (cell < count) {
    HWY_ALIGN std::uint8_t rest[hn::MaxLanes(kI32)] = {};
    std::copy(codes + cell, codes + count, rest);
    touched = AddWidened(touched, change(rest, cell));
  }
  return Total(touched);
}

#if HWY_TARGET == HWY_SCALAR
// One lane can not hold the pairs that the products of vectors come in.
template <typename Survival>
std::uint64_t SumOfProducts(const std::int16_t* activation, const Survival* survival,
                            std::size_t cells) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < cells; ++i) {
    sum += static_cast<std::uint32_t>(activation[i]) * static_cast<std::uint32_t>(survival[i]);
  }
  return sum;
}
std::uint64_t SumSurvival(const std::int16_t* activation, const std::int16_t* survival,
                          std::size_t padded_cells) {
  return SumOfProducts(activation, survival, padded_cells);
}
std::uint64_t SumCoarse(const std::int16_t* activation, const std::uint8_t* coarse,
                        const std::uint8_t* /*next*/, std::size_t padded_cells) {
  return SumOfProducts(activation, coarse, padded_cells);
}
#else
std::uint64_t SumSurvival(const std::int16_t* HWY_RESTRICT activation,
                          const std::int16_t* HWY_RESTRICT survival, std::size_t padded_cells) {
  const std::size_t lanes = hn::Lanes(kI16);
  U64 sum = hn::Zero(kU64);
  // Two products are below 2^29, so eight vectors of them are what a lane of 32 bits holds.
  for (std::size_t cell = 0; cell < padded_cells; cell += 8 * lanes) {
    I32 low0 = hn::Zero(kI32), low1 = low0, high0 = low0, high1 = low0;
    for (std::size_t i = 0; i < 8; i += 2) {
      const std::size_t at = cell + i * lanes;
      low0 = hn::ReorderWidenMulAccumulate(kI32, hn::Load(kI16, activation + at),
                                           hn::Load(kI16, survival + at), low0, high0);
      low1 = hn::ReorderWidenMulAccumulate(kI32, hn::Load(kI16, activation + at + lanes),
                                           hn::Load(kI16, survival + at + lanes), low1, high1);
    }
    sum = AddWidened(sum, hn::Add(hn::Add(low0, low1), hn::Add(high0, high1)));
  }
  return Total(sum);
}

std::uint64_t SumCoarse(const std::int16_t* HWY_RESTRICT activation,
                        const std::uint8_t* HWY_RESTRICT coarse,
                        const std::uint8_t* HWY_RESTRICT next, std::size_t padded_cells) {
  const hn::Rebind<std::uint8_t, decltype(kI16)> byte;
  const std::size_t lanes = hn::Lanes(kI16);
  U64 sum = hn::Zero(kU64);
  // Two products are below 2^24, so a lane of 32 bits holds those of 64 vectors and more.
  for (std::size_t start = 0; start < padded_cells; start += 64 * lanes) {
    const std::size_t end = std::min(start + 64 * lanes, padded_cells);
    I32 low0 = hn::Zero(kI32), low1 = low0, high0 = low0, high1 = low0;
    for (std::size_t at = start; at < end; at += 2 * lanes) {
      hwy::Prefetch(next + at);
      const auto s0 = hn::PromoteTo(kI16, hn::Load(byte, coarse + at));
      const auto s1 = hn::PromoteTo(kI16, hn::Load(byte, coarse + at + lanes));
      low0 = hn::ReorderWidenMulAccumulate(kI32, hn::Load(kI16, activation + at), s0, low0, high0);
      low1 = hn::ReorderWidenMulAccumulate(kI32, hn::Load(kI16, activation + at + lanes), s1, low1,
                                           high1);
    }
    sum = AddWidened(sum, hn::Add(hn::Add(low0, low1), hn::Add(high0, high1)));
  }
  return Total(sum);
}
#endif  // HWY_SCALAR

std::uint64_t LookUpActivation(const std::uint8_t* HWY_RESTRICT codes, std::size_t count,
                               const std::uint8_t* HWY_RESTRICT table,
                               std::int16_t* HWY_RESTRICT out) {
  std::uint64_t sum = 0;
  std::size_t cell = 0;
#if HWY_TARGET == HWY_AVX3_DL
  // Four registers hold the 256 bytes of a table; two permutations and a choice read 64 of them.
  const auto load = [&](std::size_t at) HWY_ATTR { return _mm512_loadu_si512(table + at); };
  const __m512i low0 = load(0), low1 = load(64), low2 = load(128), low3 = load(192);
  const __m512i high0 = load(256), high1 = load(320), high2 = load(384), high3 = load(448);
  // Undoes that unpacking interleaves within lanes of 128 bits.
  const __m512i order = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
  __m512i sums = _mm512_setzero_si512();
  for (; cell + 64 <= count; cell += 64) {
    const __m512i code = _mm512_permutexvar_epi64(order, _mm512_loadu_si512(codes + cell));
    const __mmask64 upper = _mm512_movepi8_mask(code);
    const __m512i low = _mm512_mask_blend_epi8(upper, _mm512_permutex2var_epi8(low0, code, low1),
                                               _mm512_permutex2var_epi8(low2, code, low3));
    const __m512i high = _mm512_mask_blend_epi8(upper, _mm512_permutex2var_epi8(high0, code, high1),
                                                _mm512_permutex2var_epi8(high2, code, high3));
    const __m512i first = _mm512_unpacklo_epi8(low, high);
    const __m512i second = _mm512_unpackhi_epi8(low, high);
    _mm512_storeu_si512(out + cell, first);
    _mm512_storeu_si512(out + cell + 32, second);
    const __m512i ones = _mm512_set1_epi16(1);
    sums = _mm512_add_epi32(
        sums, _mm512_add_epi32(_mm512_madd_epi16(first, ones), _mm512_madd_epi16(second, ones)));
  }
  sum = Total(AddWidened(hn::Zero(kU64), I32{sums}));
#endif
  for (; cell < count; ++cell) {
    const int value = table[codes[cell]] | table[256 + codes[cell]] << 8;
    out[cell] = static_cast<std::int16_t>(value);
    sum += static_cast<std::uint64_t>(value);
  }
  return sum;
}

}  // namespace HWY_NAMESPACE
}  // namespace eldr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eldr {
HWY_EXPORT(ChangeHazards);
HWY_EXPORT(SumSurvival);
HWY_EXPORT(SumCoarse);
HWY_EXPORT(LookUpActivation);

std::uint64_t ChangeHazards(absl::Span<const std::uint8_t> codes,
                            const std::array<std::int32_t, 256>& hazard_of_code,
                            std::int32_t factor, const ResidencyRows& rows) {
  // Cheaper than a product for each cell.
  alignas(kCacheLineBytes) std::array<std::int32_t, 256> added_of_code;
  for (std::size_t i = 0; i < added_of_code.size(); ++i) {
    added_of_code[i] = hazard_of_code[i] * factor;
  }
  return HWY_DYNAMIC_DISPATCH(ChangeHazards)(codes.data(), codes.size(), added_of_code.data(),
                                             rows.hazard, rows.survival, rows.coarse);
}

std::uint64_t SumSurvival(const std::int16_t* activation, const std::int16_t* survival,
                          std::size_t padded_cells) {
  return HWY_DYNAMIC_DISPATCH(SumSurvival)(activation, survival, padded_cells);
}

std::uint64_t SumCoarse(const std::int16_t* activation, const std::uint8_t* coarse,
                        const std::uint8_t* next, std::size_t padded_cells) {
  return HWY_DYNAMIC_DISPATCH(SumCoarse)(activation, coarse, next, padded_cells);
}

std::uint64_t LookUpActivation(absl::Span<const std::uint8_t> codes,
                               const std::array<std::uint8_t, 512>& table, std::int16_t* out) {
  return HWY_DYNAMIC_DISPATCH(LookUpActivation)(codes.data(), codes.size(), table.data(), out);
}

}  // namespace eldr
#endif  // HWY_ONCE
