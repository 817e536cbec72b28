#include "tools/fit/calibration_split.h"

#include <cmath>
#include <numeric>
#include <utility>

#include "tools/replay/random_stream.h"

namespace eldr::fit {
namespace {

// The stream of the split: apart from all that a replay draws with the same seed.
constexpr std::uint64_t kSplitStream = 0x73706c6974;

}  // namespace

std::vector<bool> DrawCalibration(std::size_t requests, double share, std::uint64_t seed) {
  std::vector<std::size_t> order(requests);
  std::iota(order.begin(), order.end(), std::size_t{0});
  replay::RandomStream stream(seed, kSplitStream);
  for (std::size_t i = requests; i > 1; --i) std::swap(order[i - 1], order[stream.Below(i)]);
  std::vector<bool> drawn(requests);
  const auto count = static_cast<std::size_t>(std::llround(static_cast<double>(requests) * share));
  for (std::size_t i = 0; i < count; ++i) drawn[order[i]] = true;
  return drawn;
}

}  // namespace eldr::fit
