#include "core/residency/mixed_batch.h"

#include <algorithm>

namespace eldr {
namespace {

constexpr std::uint64_t kMostLearned = 64;

// sum (1 - (1 - p)^n). By bits of n, in lanes of which the compiler makes vectors.
double Touched(absl::Span<const float> activation, std::uint32_t n) {
  constexpr std::size_t kLanes = 16;
  std::array<float, kLanes> untouched{};
  double sum = 0;
  for (std::size_t first = 0; first < activation.size(); first += kLanes) {
    // Beyond the last cell: touched for certain.
    std::array<float, kLanes> base{}, power{};
    const std::size_t cells = std::min(kLanes, activation.size() - first);
    if (cells == kLanes) {
      for (std::size_t i = 0; i < kLanes; ++i) base[i] = 1 - activation[first + i];
    } else {
      for (std::size_t i = 0; i < cells; ++i) base[i] = 1 - activation[first + i];
    }
    power.fill(1);
    for (std::uint32_t left = n;;) {
      if ((left & 1) != 0) {
        for (std::size_t i = 0; i < kLanes; ++i) power[i] *= base[i];
      }
      left >>= 1;
      if (left == 0) break;
      for (std::size_t i = 0; i < kLanes; ++i) base[i] *= base[i];
    }
    for (std::size_t i = 0; i < kLanes; ++i) untouched[i] += power[i];
  }
  for (const float lane : untouched) sum += static_cast<double>(lane);
  return static_cast<double>(activation.size()) - sum;
}

}  // namespace

double MixedBatch::ExpectedExperts(std::uint32_t tokens) {
  if (tokens == 0) return 0;
  Known& known = known_[tokens % kKnown];
  const std::uint64_t learned = prior_.learned_requests();
  if (known.tokens != tokens || learned >= known.until) {
    known = {tokens, learned + std::clamp<std::uint64_t>(learned / 16, 1, kMostLearned),
             Touched(prior_.activation(), tokens)};
  }
  return known.experts;
}

}  // namespace eldr
