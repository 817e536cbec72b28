// Random numbers for fitting that are the same on every machine and with every standard library.
#ifndef ELDR_CORE_PROFILE_FIT_STREAM_H_
#define ELDR_CORE_PROFILE_FIT_STREAM_H_

#include <cstdint>

#include "absl/numeric/int128.h"
#include "core/base/stable_hash.h"

namespace eldr {

// SplitMix64.
class FitStream {
 public:
  explicit FitStream(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15u;
    return Mix64(state_);
  }
  // In [0, bound). REQUIRES: bound > 0. Favours no value by more than bound / 2^64.
  std::uint64_t Below(std::uint64_t bound) {
    return absl::Uint128High64(absl::uint128(Next()) * bound);
  }
  // In [0, 1).
  double Uniform() { return ToUnitInterval(Next()); }

 private:
  std::uint64_t state_;
};

}  // namespace eldr

#endif  // ELDR_CORE_PROFILE_FIT_STREAM_H_
