#include "core/policy/band_kernels.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/policy/band_kernels.cc"
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
using I32 = hn::Vec<decltype(kI32)>;

template <typename Count>
float Largest(const Count* HWY_RESTRICT counts, const float* HWY_RESTRICT weights,
              std::size_t size) {
  const std::size_t lanes = hn::Lanes(kF32);
  F32 most = hn::Zero(kF32);
  std::size_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    const F32 count = hn::ConvertTo(kF32, LoadCounts(kI32, counts + i));
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
  std::uint64_t squares = 0;
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::Rebind<std::int16_t, decltype(kI32)> word;
  const std::size_t lanes = hn::Lanes(kF32);
  // Squares are below 2^30; the even and the odd lanes are added apart, in 64 bits.
  const hn::ScalableTag<std::uint64_t> wide;
  auto sum = hn::Zero(wide);
  for (; i + lanes <= size; i += lanes) {
    F32 value = hn::ConvertTo(kF32, LoadCounts(kI32, counts + i));
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

}  // namespace HWY_NAMESPACE
}  // namespace eldr
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eldr {
HWY_EXPORT(Largest8);
HWY_EXPORT(Largest16);
HWY_EXPORT(Quantize8);
HWY_EXPORT(Quantize16);

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

}  // namespace eldr
#endif  // HWY_ONCE
