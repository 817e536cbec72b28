// What a batch of requests as they come would activate, on a node that brings no like ones
// together.
#ifndef ELDR_CORE_RESIDENCY_MIXED_BATCH_H_
#define ELDR_CORE_RESIDENCY_MIXED_BATCH_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/signature/activation_prior.h"

namespace eldr {

// A request drawn at random leaves an expert untouched with the chance 1 - p0, p0 the prior's; so n
// of them activate sum (1 - (1 - p0)^n) experts, on average.
//
// Keeps what it found out for the last few sizes, until the prior has learned from a sixteenth as
// many requests again, and at most 64. Not thread-safe.
class MixedBatch {
 public:
  // `prior` must outlive it.
  explicit MixedBatch(const ActivationPrior& prior) : prior_(prior) {}

  // The expected distinct experts of a step of `tokens` tokens, each of another request, summed
  // over layers.
  double ExpectedExperts(std::uint32_t tokens);

 private:
  static constexpr std::size_t kKnown = 16;  // a power of two

  struct Known {
    std::uint32_t tokens = 0;
    std::uint64_t until = 0;  // requests that the prior has learned from
    double experts = 0;
  };

  const ActivationPrior& prior_;
  std::array<Known, kKnown> known_;
};

}  // namespace eldr

#endif  // ELDR_CORE_RESIDENCY_MIXED_BATCH_H_
