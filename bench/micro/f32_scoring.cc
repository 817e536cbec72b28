#include "bench/micro/f32_scoring.h"

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace eldr {

F32Scoring::F32Scoring(std::size_t nodes, std::size_t cells)
    : cells_(cells), request_(cells), rows_(nodes * cells) {
  for (std::size_t i = 0; i < cells; ++i) request_[i] = static_cast<float>(i % 97) / 97.0f;
  for (std::size_t i = 0; i < rows_.size(); ++i) rows_[i] = static_cast<float>(i % 89) / 89.0f;
}

#if defined(__x86_64__)

bool F32Scoring::Supported() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

__attribute__((target("avx2,fma"))) float F32Scoring::Score() {
  float best = 0;
  for (const float* row = rows_.data(); row != rows_.data() + rows_.size(); row += cells_) {
    __m256 sums[4] = {};
    for (std::size_t i = 0; i < cells_; i += 32) {
      for (std::size_t k = 0; k < 4; ++k) {
        sums[k] = _mm256_fmadd_ps(_mm256_load_ps(request_.data() + i + 8 * k),
                                  _mm256_load_ps(row + i + 8 * k), sums[k]);
      }
    }
    alignas(32) float lanes[8];
    _mm256_store_ps(
        lanes, _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3])));
    float sum = 0;
    for (const float lane : lanes) sum += lane;
    best = std::max(best, sum);
  }
  return best;
}

#else

bool F32Scoring::Supported() { return false; }
float F32Scoring::Score() { return 0; }

#endif

}  // namespace eldr
