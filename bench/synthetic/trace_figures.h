// What a synthetic trace is like, measured on its tokens and not derived from the model.
#ifndef ELDR_BENCH_SYNTHETIC_TRACE_FIGURES_H_
#define ELDR_BENCH_SYNTHETIC_TRACE_FIGURES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/synthetic/marginals.h"
#include "bench/synthetic/synthetic_trace.h"

namespace eldr::synthetic {

// Mean distinct experts per layer of a decode step of `batch` different requests.
struct BatchFigures {
  std::size_t batch = 0;
  double same_domain = 0;
  double mixed = 0;

  // By how much batches of one domain need fewer.
  double Saving() const { return 1 - same_domain / mixed; }
};

struct DomainFigures {
  std::string name;
  std::size_t requests = 0;
  double prefill_decode_correlation = 0;  // as of TraceFigures, over its requests
};

struct TraceFigures {
  // For batches of 16, 32 and 64, as far as every domain with requests has as many.
  std::vector<BatchFigures> batches;
  // Pearson correlation over the experts of a layer of a request's prefill counts and its decode
  // counts; mean over layers and requests.
  double prefill_decode_correlation = 0;
  std::vector<DomainFigures> domains;  // those with requests
  // The same of the decode counts of a domain and the table's shares; mean over layers and domains.
  double marginal_correlation = 0;
};

// REQUIRES: the trace was drawn from `marginals`. The seed draws the batches.
TraceFigures MeasureTrace(const SyntheticTrace& trace, const Marginals& marginals,
                          std::uint64_t seed);

// A line for each figure, beside what was published of real models.
std::string DescribeFigures(const TraceFigures& figures);

}  // namespace eldr::synthetic

#endif  // ELDR_BENCH_SYNTHETIC_TRACE_FIGURES_H_
