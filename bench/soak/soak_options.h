// What eldr-soak is told on its command line.
#ifndef ELDR_BENCH_SOAK_SOAK_OPTIONS_H_
#define ELDR_BENCH_SOAK_SOAK_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"

namespace eldr {

struct SoakOptions {
  std::string eldrd;
  absl::Duration duration = absl::Minutes(10);
  absl::Duration churn = absl::Seconds(5);
  std::uint32_t nodes = 16;
  // Twice the sustainable load instead of half of it.
  bool overload = false;
  std::uint64_t seed = 1;
};

// Nothing if the process should end with `exit_code`: help was printed, or what is wrong.
std::optional<SoakOptions> ParseSoakOptions(int argc, char** argv, int* exit_code);

}  // namespace eldr

#endif  // ELDR_BENCH_SOAK_SOAK_OPTIONS_H_
