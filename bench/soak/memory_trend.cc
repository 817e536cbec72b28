#include "bench/soak/memory_trend.h"

#include <algorithm>

namespace eldr {
namespace {

constexpr std::uint64_t kMayGrowBytes = 16u << 20;
constexpr std::uint64_t kMayGrowShare = 10;  // a tenth

std::uint64_t Median(std::vector<std::uint64_t> samples) {
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::nth_element(samples.begin(), middle, samples.end());
  return *middle;
}

}  // namespace

std::uint64_t MemoryTrend::First() const {
  const auto tenth = static_cast<std::ptrdiff_t>(std::max<std::size_t>(samples_.size() / 10, 1));
  return Median({samples_.begin(), samples_.begin() + tenth});
}

std::uint64_t MemoryTrend::Last() const {
  const auto tenth = static_cast<std::ptrdiff_t>(std::max<std::size_t>(samples_.size() / 10, 1));
  return Median({samples_.end() - tenth, samples_.end()});
}

std::uint64_t MemoryTrend::Most() const {
  return *std::max_element(samples_.begin(), samples_.end());
}

bool MemoryTrend::Flat() const {
  return Last() <= First() + std::max(kMayGrowBytes, First() / kMayGrowShare);
}

}  // namespace eldr
