#include "core/residency/score_kernel.h"

#include <algorithm>
#include <cstring>

// Byte permutations and byte products come with this target.
#define HWY_WANT_AVX3_DL
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/residency/score_kernel.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After it, so that it is included for each target.
#include "core/residency/widen-inl.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace eldr {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void HalveSurvival(const std::int8_t* HWY_RESTRICT survival, std::size_t padded_cells,
                   std::uint8_t* HWY_RESTRICT halves) {
  const hn::CappedTag<std::uint16_t, 32> pair;  // shifts of bytes are slow
  const auto load = [pair](const std::int8_t* from) HWY_ATTR {
    return hn::Xor(hn::Load(pair, reinterpret_cast<const std::uint16_t*>(from)),
                   hn::Set(pair, kSurvivalOffset * 0x101));
  };
  const std::size_t bytes = 2 * hn::Lanes(pair);
  for (std::size_t cell = 0; cell < padded_cells; cell += 128) {
    for (std::size_t i = 0; i < 64; i += bytes) {
      const auto low = hn::And(hn::ShiftRight<4>(load(survival + cell + i)), hn::Set(pair, 0x0f0f));
      const auto high = hn::And(load(survival + cell + 64 + i), hn::Set(pair, 0xf0f0));
      hn::Store(hn::Or(low, high), pair, reinterpret_cast<std::uint16_t*>(halves + cell / 2 + i));
    }
  }
}

#if HWY_TARGET == HWY_AVX3_DL
// A row of activations is that of their low bytes and then that of their high ones.

// Highway takes this target for machines that have these only, but does not tell the compiler. A
// compiler may let this replace what Highway does tell it, so whatever is used is named.
#define ELDR_BYTE_PRODUCTS __attribute__((target("avx512f,avx512bw,avx512vnni")))

ELDR_BYTE_PRODUCTS inline std::int64_t Total(__m512i lanes) {
  const __m512i low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(lanes));
  const __m512i high = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(lanes, 1));
  return _mm512_reduce_add_epi64(_mm512_add_epi64(low, high));
}

ELDR_BYTE_PRODUCTS
std::int64_t SumProducts(const std::uint8_t* HWY_RESTRICT row,
                         const std::int8_t* HWY_RESTRICT bytes,
                         const std::int8_t* HWY_RESTRICT next, std::size_t padded_cells) {
  const std::uint8_t* HWY_RESTRICT const high_bytes = row + padded_cells;
  // Four products are below 2^17, so a lane of 32 bits holds those of 2^20 cells.
  __m512i low0 = _mm512_setzero_si512(), low1 = low0, high0 = low0, high1 = low0;
  for (std::size_t cell = 0; cell < padded_cells; cell += 128) {
    hwy::Prefetch(next + cell);
    hwy::Prefetch(next + cell + 64);
    const __m512i s0 = _mm512_load_si512(bytes + cell);
    const __m512i s1 = _mm512_load_si512(bytes + cell + 64);
    low0 = _mm512_dpbusd_epi32(low0, _mm512_load_si512(row + cell), s0);
    high0 = _mm512_dpbusd_epi32(high0, _mm512_load_si512(high_bytes + cell), s0);
    low1 = _mm512_dpbusd_epi32(low1, _mm512_load_si512(row + cell + 64), s1);
    high1 = _mm512_dpbusd_epi32(high1, _mm512_load_si512(high_bytes + cell + 64), s1);
  }
  return Total(_mm512_add_epi32(low0, low1)) + 256 * Total(_mm512_add_epi32(high0, high1));
}

ELDR_BYTE_PRODUCTS
std::int64_t SumHalves(const std::uint8_t* HWY_RESTRICT activation,
                       const std::uint8_t* HWY_RESTRICT halves,
                       const std::uint8_t* HWY_RESTRICT ahead, std::size_t padded_cells) {
  const std::uint8_t* HWY_RESTRICT const high_bytes = activation + padded_cells;
  const __m512i half = _mm512_set1_epi8(0x0f);
  __m512i low0 = _mm512_setzero_si512(), low1 = low0, high0 = low0, high1 = low0;
  for (std::size_t cell = 0; cell < padded_cells; cell += 128) {
    hwy::Prefetch(ahead + cell / 2);
    const __m512i both = _mm512_load_si512(halves + cell / 2);
    const __m512i s0 = _mm512_and_si512(both, half);
    const __m512i s1 = _mm512_and_si512(_mm512_srli_epi16(both, 4), half);
    low0 = _mm512_dpbusd_epi32(low0, _mm512_load_si512(activation + cell), s0);
    high0 = _mm512_dpbusd_epi32(high0, _mm512_load_si512(high_bytes + cell), s0);
    low1 = _mm512_dpbusd_epi32(low1, _mm512_load_si512(activation + cell + 64), s1);
    high1 = _mm512_dpbusd_epi32(high1, _mm512_load_si512(high_bytes + cell + 64), s1);
  }
  return Total(_mm512_add_epi32(low0, low1)) + 256 * Total(_mm512_add_epi32(high0, high1));
}

// Four registers hold the 256 bytes of a table.
class ByteTable {
 public:
  explicit ByteTable(const std::uint8_t* table) {
    for (std::size_t i = 0; i < 4; ++i) quarters_[i] = _mm512_loadu_si512(table + 64 * i);
  }
  HWY_INLINE __m512i Read(__m512i code, __mmask64 bit6, __mmask64 bit7) const {
    __m512i value = _mm512_permutexvar_epi8(code, quarters_[0]);
    value = _mm512_mask_permutexvar_epi8(value, bit6, code, quarters_[1]);
    value = _mm512_mask_permutexvar_epi8(value, bit7, code, quarters_[2]);
    return _mm512_mask_permutexvar_epi8(value, bit6 & bit7, code, quarters_[3]);
  }

 private:
  __m512i quarters_[4];
};

std::uint64_t LookUpActivation(const std::uint8_t* HWY_RESTRICT codes, std::size_t count,
                               const std::uint8_t* HWY_RESTRICT table, std::size_t padded_cells,
                               std::uint8_t* HWY_RESTRICT row) {
  const ByteTable low_table(table), high_table(table + 256);
  __m512i low_sum = _mm512_setzero_si512(), high_sum = low_sum;
  std::size_t cell = 0;
  for (; cell + 64 <= count; cell += 64) {
    const __m512i code = _mm512_loadu_si512(codes + cell);
    const __mmask64 bit6 = _mm512_movepi8_mask(_mm512_slli_epi16(code, 1));
    const __mmask64 bit7 = _mm512_movepi8_mask(code);
    const __m512i low = low_table.Read(code, bit6, bit7);
    const __m512i high = high_table.Read(code, bit6, bit7);
    _mm512_store_si512(row + cell, low);
    _mm512_store_si512(row + padded_cells + cell, high);
    low_sum = _mm512_add_epi64(low_sum, _mm512_sad_epu8(low, _mm512_setzero_si512()));
    high_sum = _mm512_add_epi64(high_sum, _mm512_sad_epu8(high, _mm512_setzero_si512()));
  }
  auto sum = static_cast<std::uint64_t>(_mm512_reduce_add_epi64(low_sum) +
                                        256 * _mm512_reduce_add_epi64(high_sum));
  for (; cell < count; ++cell) {
    row[cell] = table[codes[cell]];
    row[padded_cells + cell] = table[256 + codes[cell]];
    sum += row[cell] + 256u * row[padded_cells + cell];
  }
  return sum;
}

void PackRow(const std::int16_t* HWY_RESTRICT values, std::size_t padded_cells,
             std::uint8_t* HWY_RESTRICT row) {
  for (std::size_t cell = 0; cell < padded_cells; cell += 32) {
    const __m512i words = _mm512_loadu_si512(values + cell);
    const auto store = [](std::uint8_t* to, __m512i from) HWY_ATTR {
      _mm256_store_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi16_epi8(from));
    };
    store(row + cell, words);
    store(row + padded_cells + cell, _mm512_srli_epi16(words, 8));
  }
}

#else
// A row of activations is one of words.

void PackRow(const std::int16_t* HWY_RESTRICT values, std::size_t padded_cells,
             std::uint8_t* HWY_RESTRICT row) {
  std::memcpy(row, values, padded_cells * sizeof(*values));
}

std::int64_t SumProducts(const std::uint8_t* HWY_RESTRICT row,
                         const std::int8_t* HWY_RESTRICT bytes,
                         const std::int8_t* HWY_RESTRICT next, std::size_t padded_cells) {
  const auto* HWY_RESTRICT const words = reinterpret_cast<const std::int16_t*>(row);
#if HWY_TARGET == HWY_SCALAR
  // One lane can not hold the pairs that the products of vectors come in.
  (void)next;
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < padded_cells; ++i) sum += std::int64_t{words[i]} * bytes[i];
  return sum;
#else
  const hn::ScalableTag<std::int16_t> word;
  const hn::Rebind<std::int8_t, decltype(word)> byte;
  const std::size_t lanes = hn::Lanes(word);
  VecI64 sum = hn::Zero(TagI64());
  // Two products are below 2^23, so a lane of 32 bits holds those of 64 vectors and more.
  for (std::size_t start = 0; start < padded_cells; start += 64 * lanes) {
    const std::size_t end = std::min(start + 64 * lanes, padded_cells);
    VecI32 low0 = hn::Zero(TagI32()), low1 = low0, high0 = low0, high1 = low0;
    for (std::size_t at = start; at < end; at += 2 * lanes) {
      hwy::Prefetch(next + at);
      const auto s0 = hn::PromoteTo(word, hn::Load(byte, bytes + at));
      const auto s1 = hn::PromoteTo(word, hn::Load(byte, bytes + at + lanes));
      low0 = hn::ReorderWidenMulAccumulate(TagI32(), hn::Load(word, words + at), s0, low0, high0);
      low1 = hn::ReorderWidenMulAccumulate(TagI32(), hn::Load(word, words + at + lanes), s1, low1,
                                           high1);
    }
    sum = AddWidened(sum, hn::Add(hn::Add(low0, low1), hn::Add(high0, high1)));
  }
  return hn::GetLane(hn::SumOfLanes(TagI64(), sum));
#endif
}

std::int64_t SumHalves(const std::uint8_t* HWY_RESTRICT activation,
                       const std::uint8_t* HWY_RESTRICT halves,
                       const std::uint8_t* HWY_RESTRICT ahead, std::size_t padded_cells) {
  const auto* HWY_RESTRICT const words = reinterpret_cast<const std::int16_t*>(activation);
#if HWY_TARGET == HWY_SCALAR
  (void)ahead;
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < padded_cells; ++i) {
    const int both = halves[i / 128 * 64 + i % 64];
    sum += std::int64_t{words[i]} * (i % 128 < 64 ? both & 15 : both >> 4);
  }
  return sum;
#else
  const hn::CappedTag<std::int16_t, 32> word;
  const hn::RepartitionToWide<decltype(word)> wide;
  const hn::Rebind<std::uint8_t, decltype(word)> byte;
  const std::size_t lanes = hn::Lanes(word);
  const auto half = hn::Set(word, 0x0f);
  VecI64 sum = hn::Zero(TagI64());
  // Two products are below 2^20, so a lane of 32 bits holds those of 2^14 cells and more.
  for (std::size_t start = 0; start < padded_cells; start += 1 << 13) {
    const std::size_t end = std::min<std::size_t>(start + (1 << 13), padded_cells);
    auto low0 = hn::Zero(wide), low1 = low0, high0 = low0, high1 = low0;
    for (std::size_t cell = start; cell < end; cell += 128) {
      hwy::Prefetch(ahead + cell / 2);
      for (std::size_t i = 0; i < 64; i += lanes) {
        const auto both = hn::PromoteTo(word, hn::Load(byte, halves + cell / 2 + i));
        low0 = hn::ReorderWidenMulAccumulate(wide, hn::Load(word, words + cell + i),
                                             hn::And(both, half), low0, high0);
        low1 = hn::ReorderWidenMulAccumulate(wide, hn::Load(word, words + cell + 64 + i),
                                             hn::ShiftRight<4>(both), low1, high1);
      }
    }
    sum = AddWidened(sum, hn::Add(hn::Add(low0, low1), hn::Add(high0, high1)));
  }
  return hn::GetLane(hn::SumOfLanes(TagI64(), sum));
#endif
}

std::uint64_t LookUpActivation(const std::uint8_t* HWY_RESTRICT codes, std::size_t count,
                               const std::uint8_t* HWY_RESTRICT table, std::size_t /*padded_cells*/,
                               std::uint8_t* HWY_RESTRICT row) {
  auto* HWY_RESTRICT const words = reinterpret_cast<std::int16_t*>(row);
  std::uint64_t sum = 0;
  for (std::size_t cell = 0; cell < count; ++cell) {
    const int value = table[codes[cell]] | table[256 + codes[cell]] << 8;
    words[cell] = static_cast<std::int16_t>(value);
    sum += static_cast<std::uint64_t>(value);
  }
  return sum;
}
#endif  // HWY_AVX3_DL

}  // namespace HWY_NAMESPACE
}  // namespace eldr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eldr {
HWY_EXPORT(HalveSurvival);
HWY_EXPORT(SumHalves);
HWY_EXPORT(SumProducts);
HWY_EXPORT(LookUpActivation);
HWY_EXPORT(PackRow);

std::int64_t SumProducts(const std::uint8_t* row, const std::int8_t* bytes, const std::int8_t* next,
                         std::size_t padded_cells) {
  return HWY_DYNAMIC_DISPATCH(SumProducts)(row, bytes, next, padded_cells);
}

void PackRow(const std::int16_t* values, std::size_t padded_cells, std::uint8_t* row) {
  HWY_DYNAMIC_DISPATCH(PackRow)(values, padded_cells, row);
}

void HalveSurvival(const std::int8_t* survival, std::size_t padded_cells, std::uint8_t* halves) {
  HWY_DYNAMIC_DISPATCH(HalveSurvival)(survival, padded_cells, halves);
}

std::int64_t SumHalves(const std::uint8_t* activation, const std::uint8_t* halves,
                       const std::uint8_t* ahead, std::size_t padded_cells) {
  return HWY_DYNAMIC_DISPATCH(SumHalves)(activation, halves, ahead, padded_cells);
}

std::uint64_t LookUpActivation(absl::Span<const std::uint8_t> codes,
                               const std::array<std::uint8_t, 512>& table, std::size_t padded_cells,
                               std::uint8_t* row) {
  return HWY_DYNAMIC_DISPATCH(LookUpActivation)(codes.data(), codes.size(), table.data(),
                                                padded_cells, row);
}

}  // namespace eldr
#endif  // HWY_ONCE
