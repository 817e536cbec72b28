// Long load, and too much load, on a real daemon.
#ifndef ELDR_BENCH_SOAK_SOAK_H_
#define ELDR_BENCH_SOAK_SOAK_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/soak/soak_options.h"

namespace eldr {

struct SoakReport {
  std::string text;                   // what was seen
  std::vector<std::string> failures;  // what should not have been; empty: it held
};

// Progress goes to standard error. Errors: the daemon did not start or answer; CANCELLED if
// interrupted.
absl::StatusOr<SoakReport> RunSoak(const SoakOptions& options);

}  // namespace eldr

#endif  // ELDR_BENCH_SOAK_SOAK_H_
