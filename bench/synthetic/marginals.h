// How often each expert is picked in each domain, as a real model was seen to do it.
//
// A folder with
//   counts.npy      int64 [domains, layers, experts]: tokens routed to each expert
//   languages.txt   the names of the domains, one per line
// or a trace (tools/replay/trace.h), whose tokens are counted by domain.
#ifndef ELDR_BENCH_SYNTHETIC_MARGINALS_H_
#define ELDR_BENCH_SYNTHETIC_MARGINALS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace eldr::synthetic {

struct Marginals {
  std::vector<std::string> domains;
  std::size_t layers = 0;
  std::size_t experts = 0;
  std::vector<double> shares;  // [domains, layers, experts]; those of a layer sum to 1

  absl::Span<const double> Layer(std::size_t domain, std::size_t layer) const {
    return absl::MakeConstSpan(shares).subspan((domain * layers + layer) * experts, experts);
  }
};

// INVALID_ARGUMENT, naming the file, if a file is malformed, the two do not fit together, a count
// is negative, or a layer of a domain has none. NOT_FOUND if a file cannot be opened.
absl::StatusOr<Marginals> LoadMarginals(const std::string& folder);

}  // namespace eldr::synthetic

#endif  // ELDR_BENCH_SYNTHETIC_MARGINALS_H_
