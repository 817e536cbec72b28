#include "core/policy/band_kernels.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/policy/band_kernels.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After it, so that it is included for each target.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace eldr {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

const hn::ScalableTag<float> kF32;
const hn::ScalableTag<std::int32_t> kI32;
const hn::ScalableTag<std::int16_t> kI16;
const hn::ScalableTag<std::int64_t> kI64;
using F32 = hn::Vec<decltype(kF32)>;
using I32 = hn::Vec<decltype(kI32)>;

template <typename Count>
HWY_INLINE F32 LoadCounts(const Count* counts) {
  const hn::Rebind<Count, decltype(kI32)> narrow;
  return hn::ConvertTo(kF32, hn::PromoteTo(kI32, hn::LoadU(narrow, counts)));
}

template <typename Count>
float Largest(const Count* HWY_RESTRICT counts, const float* HWY_RESTRICT weights,
              std::size_t size) {
  const std::size_t lanes = hn::Lanes(kF32);
  F32 most = hn::Zero(kF32);
  std::size_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    const F32 count = LoadCounts(counts + i);
    most = hn::Max(most, weights == nullptr ? count : hn::Mul(count, hn::LoadU(kF32, weights + i)));
  }
  float largest = hn::GetLane(hn::MaxOfLanes(kF32, most));
  for (; i < size; ++i) {
    const auto count = static_cast<float>(counts[i]);
    largest = std::max(largest, weights == nullptr ? count : count * weights[i]);
  }
  return largest;
}

template <typename Count>
std::uint64_t Quantize(const Count* HWY_RESTRICT counts, const float* HWY_RESTRICT weights,
                       std::size_t size, float factor, std::int16_t* HWY_RESTRICT out) {
  const hn::Rebind<std::int16_t, decltype(kI32)> word;
  const std::size_t lanes = hn::Lanes(kF32);
  std::uint64_t squares = 0;
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  // Squares are below 2^30; the even and the odd lanes are added apart, in 64 bits.
  const hn::ScalableTag<std::uint64_t> wide;
  auto sum = hn::Zero(wide);
  for (; i + lanes <= size; i += lanes) {
    F32 value = LoadCounts(counts + i);
    if (weights != nullptr) value = hn::Mul(value, hn::LoadU(kF32, weights + i));
    const I32 rounded = hn::NearestInt(hn::Mul(value, hn::Set(kF32, factor)));
    hn::StoreU(hn::DemoteTo(word, rounded), word, out + i);
    const auto square = hn::BitCast(wide, hn::Mul(rounded, rounded));
    sum = hn::Add(sum,
                  hn::Add(hn::And(square, hn::Set(wide, 0xffffffffu)), hn::ShiftRight<32>(square)));
  }
  squares = hn::GetLane(hn::SumOfLanes(wide, sum));
#endif
  for (; i < size; ++i) {
    float value = static_cast<float>(counts[i]);
    if (weights != nullptr) value *= weights[i];
    // In the ruling mode, to nearest and to even, as the vectors do.
    out[i] = static_cast<std::int16_t>(std::lrint(value * factor));
    squares += static_cast<std::uint64_t>(std::int64_t{out[i]} * out[i]);
  }
  return squares;
}

float Largest8(const std::uint8_t* counts, const float* weights, std::size_t size) {
  return Largest(counts, weights, size);
}
float Largest16(const std::uint16_t* counts, const float* weights, std::size_t size) {
  return Largest(counts, weights, size);
}
std::uint64_t Quantize8(const std::uint8_t* counts, const float* weights, std::size_t size,
                        float factor, std::int16_t* out) {
  return Quantize(counts, weights, size, factor, out);
}
std::uint64_t Quantize16(const std::uint16_t* counts, const float* weights, std::size_t size,
                         float factor, std::int16_t* out) {
  return Quantize(counts, weights, size, factor, out);
}

#if HWY_TARGET == HWY_SCALAR
// One lane can not hold the pairs that the products of vectors come in.
void SumProducts(const std::int16_t* vector, const std::int8_t* rows, std::size_t count,
                 std::size_t padded_cells, std::int64_t* sums) {
  for (std::size_t row = 0; row < count; ++row, rows += padded_cells) {
    sums[row] = 0;
    for (std::size_t i = 0; i < padded_cells; ++i) sums[row] += vector[i] * rows[i];
  }
}
#else
HWY_INLINE std::int64_t Total(I32 sums) {
  const auto pairs = hn::BitCast(kI64, sums);
  const auto odd = hn::ShiftRight<32>(pairs);
  const auto even = hn::ShiftRight<32>(hn::ShiftLeft<32>(pairs));
  return hn::GetLane(hn::SumOfLanes(kI64, hn::Add(even, odd)));
}

// Some rows at a time, so that the vector is loaded once for them.
template <std::size_t row_count>
HWY_INLINE void SumBlock(const std::int16_t* HWY_RESTRICT vector,
                         const std::int8_t* HWY_RESTRICT rows, std::size_t padded_cells,
                         std::int64_t* HWY_RESTRICT sums) {
  const hn::Rebind<std::int8_t, decltype(kI16)> byte;
  const std::size_t lanes = hn::Lanes(kI16);
  // Two products are below 2^24, so a lane of 32 bits holds those of this many vectors.
  const std::size_t part = 64 * lanes;
  std::fill(sums, sums + row_count, 0);
  for (std::size_t begin = 0; begin < padded_cells; begin += part) {
    const std::size_t end = std::min(begin + part, padded_cells);
    I32 low[row_count], high[row_count];
    for (std::size_t row = 0; row < row_count; ++row) low[row] = high[row] = hn::Zero(kI32);
    for (std::size_t at = begin; at < end; at += lanes) {
      const auto value = hn::Load(kI16, vector + at);
      for (std::size_t row = 0; row < row_count; ++row) {
        const auto cells = hn::PromoteTo(kI16, hn::Load(byte, rows + row * padded_cells + at));
        low[row] = hn::ReorderWidenMulAccumulate(kI32, value, cells, low[row], high[row]);
      }
    }
    for (std::size_t row = 0; row < row_count; ++row)
      sums[row] += Total(hn::Add(low[row], high[row]));
  }
}

void SumProducts(const std::int16_t* vector, const std::int8_t* rows, std::size_t count,
                 std::size_t padded_cells, std::int64_t* sums) {
  std::size_t row = 0;
  for (; row + 4 <= count; row += 4) {
    SumBlock<4>(vector, rows + row * padded_cells, padded_cells, sums + row);
  }
  for (; row < count; ++row) {
    SumBlock<1>(vector, rows + row * padded_cells, padded_cells, sums + row);
  }
}
#endif  // HWY_SCALAR

}  // namespace HWY_NAMESPACE
}  // namespace eldr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eldr {
HWY_EXPORT(Largest8);
HWY_EXPORT(Largest16);
HWY_EXPORT(Quantize8);
HWY_EXPORT(Quantize16);
HWY_EXPORT(SumProducts);

float LargestWeighted(const std::uint8_t* counts, const float* weights, std::size_t size) {
  return HWY_DYNAMIC_DISPATCH(Largest8)(counts, weights, size);
}
float LargestWeighted(const std::uint16_t* counts, const float* weights, std::size_t size) {
  return HWY_DYNAMIC_DISPATCH(Largest16)(counts, weights, size);
}
// Rare: 16 bits hold all but the longest prompts.
float LargestWeighted(const std::uint32_t* counts, const float* weights, std::size_t size) {
  float largest = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const auto count = static_cast<float>(counts[i]);
    largest = std::max(largest, weights == nullptr ? count : count * weights[i]);
  }
  return largest;
}

std::uint64_t QuantizeWeighted(const std::uint8_t* counts, const float* weights, std::size_t size,
                               float factor, std::int16_t* out) {
  return HWY_DYNAMIC_DISPATCH(Quantize8)(counts, weights, size, factor, out);
}
std::uint64_t QuantizeWeighted(const std::uint16_t* counts, const float* weights, std::size_t size,
                               float factor, std::int16_t* out) {
  return HWY_DYNAMIC_DISPATCH(Quantize16)(counts, weights, size, factor, out);
}
std::uint64_t QuantizeWeighted(const std::uint32_t* counts, const float* weights, std::size_t size,
                               float factor, std::int16_t* out) {
  std::uint64_t squares = 0;
  for (std::size_t i = 0; i < size; ++i) {
    float value = static_cast<float>(counts[i]);
    if (weights != nullptr) value *= weights[i];
    out[i] = static_cast<std::int16_t>(std::lrint(value * factor));
    squares += static_cast<std::uint64_t>(std::int64_t{out[i]} * out[i]);
  }
  return squares;
}

void SumRows(const std::int16_t* vector, const std::int8_t* rows, std::size_t count,
             std::size_t padded_cells, std::int64_t* sums) {
  HWY_DYNAMIC_DISPATCH(SumProducts)(vector, rows, count, padded_cells, sums);
}

}  // namespace eldr
#endif  // HWY_ONCE
