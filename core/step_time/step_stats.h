// What a decode node reports of the steps it ran.
#ifndef ELDR_CORE_STEP_TIME_STEP_STATS_H_
#define ELDR_CORE_STEP_TIME_STEP_STATS_H_

#include <cstdint>
#include <optional>

#include "absl/time/time.h"

namespace eldr {

// Decode steps of one batch-size bucket since the last report; steps that also ran prefill are left
// out.
struct StepStats {
  std::uint32_t max_batch = 0;  // the bucket's largest batch, e.g. the size of a captured graph
  std::uint64_t steps = 0;
  absl::Duration total_duration;
  double mean_batch = 0;
  std::optional<double> mean_context_tokens;
  std::optional<double> mean_distinct_experts;  // summed over layers
};

}  // namespace eldr

#endif  // ELDR_CORE_STEP_TIME_STEP_STATS_H_
