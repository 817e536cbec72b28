// The yardstick of the decision's speed: what scoring alone costs done plainly.
#ifndef ELDR_BENCH_MICRO_F32_SCORING_H_
#define ELDR_BENCH_MICRO_F32_SCORING_H_

#include <cstddef>

#include "core/base/aligned_vector.h"

namespace eldr {

// A row of 32-bit floats per node, and one of the request: their dot products, in AVX2 with fused
// multiply-add, four sums at a time.
class F32Scoring {
 public:
  // True on a processor with AVX2 and FMA; elsewhere there is no yardstick.
  static bool Supported();

  // REQUIRES: `cells` is a multiple of 32.
  F32Scoring(std::size_t nodes, std::size_t cells);

  // Scores every node; answers the greatest, so that no compiler drops the work.
  // REQUIRES: Supported().
  float Score();

 private:
  const std::size_t cells_;
  AlignedVector<float> request_;
  AlignedVector<float> rows_;
};

}  // namespace eldr

#endif  // ELDR_BENCH_MICRO_F32_SCORING_H_
