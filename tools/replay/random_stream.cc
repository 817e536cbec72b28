#include "tools/replay/random_stream.h"

#include <cmath>

#include "core/base/stable_hash.h"

namespace eldr::replay {
namespace {

// The golden ratio in 64 bits: SplitMix64's step.
constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15;

}  // namespace

// Mixed twice: neighbouring seeds and streams must not give shifted copies of one sequence.
RandomStream::RandomStream(std::uint64_t seed, std::uint64_t stream)
    : state_(Mix64(Mix64(seed + kStep) ^ Mix64(stream * kStep + 1))) {}

std::uint64_t RandomStream::Next() {
  state_ += kStep;
  return Mix64(state_);
}

std::uint64_t RandomStream::Below(std::uint64_t bound) {
  // Draws from the incomplete last interval would favour small values, so they are drawn again.
  const std::uint64_t reject_below = (0 - bound) % bound;
  std::uint64_t draw = Next();
  while (draw < reject_below) draw = Next();
  return draw % bound;
}

double RandomStream::Uniform() { return ToUnitInterval(Next()); }

double RandomStream::Exponential() { return -std::log1p(-Uniform()); }

}  // namespace eldr::replay
