// Which domains a synthetic trace has, how much of each, and how alike their requests are.
#ifndef ELDR_BENCH_SYNTHETIC_MIX_H_
#define ELDR_BENCH_SYNTHETIC_MIX_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "bench/synthetic/marginals.h"

namespace eldr::synthetic {

// What is wanted of one domain.
struct DomainOfMix {
  std::string name;
  double share = 1;  // of the requests, against the other domains' shares; above 0, at most 1e6
  // As of RoutingModel::Options, for this domain alone; none: as of the others. Requests of a small
  // request_spread are nearly alike; the decode of a large phase_spread does not follow its
  // prefill.
  std::optional<double> request_spread = {};
  std::optional<double> phase_spread = {};
};

// From NAME:SHARE[:REQUEST_SPREAD[:PHASE_SPREAD]]. INVALID_ARGUMENT, with the text and what was
// expected, if it is of another form or a number is out of range.
absl::StatusOr<DomainOfMix> ParseDomainOfMix(absl::string_view text);

// What a domain of the tables comes to.
struct DomainShape {
  double share = 1;  // 0: no request
  double request_spread = 0;
  double phase_spread = 0;
};

// A shape for each domain of the tables: those not named have no request, and without a mix all
// have one share. INVALID_ARGUMENT, naming the domain, if one is unknown or named twice.
absl::StatusOr<std::vector<DomainShape>> ShapesOf(const Marginals& marginals,
                                                  const std::vector<DomainOfMix>& mix,
                                                  const DomainShape& others);

// The domain of each of `requests` requests, in turns as even as the shares allow, so that a
// longer sequence starts with a shorter one.
std::vector<std::size_t> TakeTurns(const std::vector<DomainShape>& shapes, std::size_t requests);

}  // namespace eldr::synthetic

#endif  // ELDR_BENCH_SYNTHETIC_MIX_H_
