// Normally distributed draws.
#ifndef ELDR_BENCH_SYNTHETIC_NORMAL_H_
#define ELDR_BENCH_SYNTHETIC_NORMAL_H_

#include <cmath>

#include "tools/replay/random_stream.h"

namespace eldr::synthetic {

// Mean 0, variance 1. Takes two draws from the stream (Box and Muller; their second value is left,
// so that a draw depends on nothing but the stream's state).
inline double Normal(replay::RandomStream& random) {
  constexpr double kTwoPi = 6.283185307179586;
  const double radius = std::sqrt(2 * random.Exponential());
  return radius * std::cos(kTwoPi * random.Uniform());
}

}  // namespace eldr::synthetic

#endif  // ELDR_BENCH_SYNTHETIC_NORMAL_H_
