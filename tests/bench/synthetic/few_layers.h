// The real tables with fewer layers: enough to measure, in a tenth of the time.
#ifndef ELDR_TESTS_BENCH_SYNTHETIC_FEW_LAYERS_H_
#define ELDR_TESTS_BENCH_SYNTHETIC_FEW_LAYERS_H_

#include <cstddef>

#include "bench/synthetic/marginals.h"

namespace eldr::synthetic {

// Every `step`-th layer of the tables.
inline Marginals FewLayers(const Marginals& all, std::size_t step) {
  Marginals few;
  few.domains = all.domains;
  few.experts = all.experts;
  few.layers = (all.layers + step - 1) / step;
  for (std::size_t domain = 0; domain < all.domains.size(); ++domain) {
    for (std::size_t layer = 0; layer < all.layers; layer += step) {
      const auto shares = all.Layer(domain, layer);
      few.shares.insert(few.shares.end(), shares.begin(), shares.end());
    }
  }
  return few;
}

}  // namespace eldr::synthetic

#endif  // ELDR_TESTS_BENCH_SYNTHETIC_FEW_LAYERS_H_
