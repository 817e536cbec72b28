// The activation estimate in double precision, straight from its formula: a twin to test against.
#ifndef ELDR_TESTS_CORE_NAIVE_ESTIMATE_H_
#define ELDR_TESTS_CORE_NAIVE_ESTIMATE_H_

#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/residency/contribution.h"
#include "tests/core/test_signature.h"

namespace eldr {

// The chance, by cell, that one decode step of a request activates the expert. A null signature,
// and a layer of zeros, takes the prior.
inline std::vector<double> NaiveEstimate(const TestSignature* signature,
                                         const std::vector<double>& prior,
                                         const ModelGeometry& geometry,
                                         const EstimateParameters& parameters) {
  std::vector<double> activation(geometry.cells());
  for (std::size_t layer = 0; layer < geometry.layers; ++layer) {
    const std::size_t begin = layer * geometry.experts;
    const std::size_t end = begin + geometry.experts;
    bool covered = false;
    for (std::size_t cell = begin; signature != nullptr && cell < end; ++cell) {
      covered = covered || signature->counts[cell] > 0;
    }
    for (std::size_t cell = begin; cell < end; ++cell) {
      double p = prior[cell];
      if (covered) {
        const double tokens = signature->tokens;
        const double f = signature->counts[cell] / tokens;
        const double n = tokens * parameters.n0 / (tokens + parameters.n0);
        p = (n * f + parameters.kappa * prior[cell]) / (n + parameters.kappa);
      }
      activation[cell] = std::min(parameters.p_max, p);
    }
  }
  return activation;
}

}  // namespace eldr

#endif  // ELDR_TESTS_CORE_NAIVE_ESTIMATE_H_
