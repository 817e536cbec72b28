#include "tools/fit/rank_correlation.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <utility>

namespace eldr {
namespace {

constexpr unsigned kDigitBits = 11;
constexpr std::uint32_t kDigits = 1u << kDigitBits;

// An integer that orders as the float does. Adding zero makes of -0 a 0, to which it is equal.
std::uint32_t OrderedBits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value + 0.0f);
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

}  // namespace

RankCorrelation::RankCorrelation(absl::Span<const float> target) {
  target_square_ = Rank(target);
  target_ranks_ = ranks_;
}

double RankCorrelation::With(absl::Span<const float> values) {
  const double square = Rank(values);
  if (!(square > 0 && target_square_ > 0)) return 0;
  double product = 0;
  for (std::size_t i = 0; i < ranks_.size(); ++i) product += ranks_[i] * target_ranks_[i];
  return product / std::sqrt(square * target_square_);
}

double RankCorrelation::Rank(absl::Span<const float> values) {
  SortByValue(values);
  const std::size_t size = values.size();
  ranks_.resize(size);
  const double mean = (static_cast<double>(size) - 1) / 2;
  double square = 0;
  for (std::size_t begin = 0; begin < size;) {
    std::size_t end = begin + 1;
    while (end < size && order_[end].key == order_[begin].key) ++end;
    const double rank = static_cast<double>(begin + end - 1) / 2 - mean;
    for (std::size_t i = begin; i < end; ++i) ranks_[order_[i].index] = rank;
    square += rank * rank * static_cast<double>(end - begin);
    begin = end;
  }
  return square;
}

void RankCorrelation::SortByValue(absl::Span<const float> values) {
  order_.resize(values.size());
  spare_.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    order_[i] = {OrderedBits(values[i]), static_cast<std::uint32_t>(i)};
  }
  for (unsigned shift = 0; shift < 32; shift += kDigitBits) {
    std::array<std::uint32_t, kDigits> place{};
    for (const Entry& entry : order_) ++place[(entry.key >> shift) % kDigits];
    std::uint32_t next = 0;
    for (std::uint32_t& start : place) next += std::exchange(start, next);
    for (const Entry& entry : order_) spare_[place[(entry.key >> shift) % kDigits]++] = entry;
    order_.swap(spare_);
  }
}

}  // namespace eldr
