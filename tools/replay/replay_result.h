// What a replay measured, and how it is summed up.
#ifndef ELDR_TOOLS_REPLAY_REPLAY_RESULT_H_
#define ELDR_TOOLS_REPLAY_REPLAY_RESULT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace eldr::replay {

// Of times per output token. All zero if there were none.
struct TimeSummary {
  std::uint64_t count = 0;
  absl::Duration p50, p95, p99;  // by nearest rank
  absl::Duration mean;
};

// Sorts `times`.
TimeSummary Summarize(std::vector<absl::Duration>& times);

// The value at nearest rank: the least one that at least `percent` % of all do not exceed.
// REQUIRES: `sorted` ascending and not empty, 0 < percent <= 100.
absl::Duration NearestRank(const std::vector<absl::Duration>& sorted, int percent);

struct ReplayResult {
  // (end - arrival) / output tokens, of the measured requests.
  TimeSummary time_per_output_token;
  std::map<std::string, TimeSummary> by_domain;
  // (last - first token) / (output tokens - 1), where there is more than one token.
  TimeSummary between_tokens;

  // Of the steps that began in the measured interval: sum of B * U over layers * sum of B.
  double distinct_experts_per_layer = 0;
  double mean_batch = 0;
  std::uint64_t steps = 0;

  // As the measured requests found the fleet when they arrived: the busiest node's requests less
  // the idlest node's.
  double mean_load_spread = 0;
  // Live requests to a distinct request of the trace: over the fleet (as measured arrivals found
  // it) and inside a batch (mean over steps). Copies of a request use the same experts, so they
  // flatter every policy that brings them together.
  double mean_live_copies = 0;
  double mean_batch_copies = 0;

  std::uint64_t arrivals = 0;  // measured or not
  std::uint64_t waited = 0;    // measured requests that no node could take at once
  std::uint64_t lost = 0;      // times that a measured request lost its node
  // Measured requests within ReplayOptions::time_limit, and so many per second.
  std::uint64_t within_limit = 0;
  double goodput = 0;
  absl::Duration simulated_time;
};

}  // namespace eldr::replay

#endif  // ELDR_TOOLS_REPLAY_REPLAY_RESULT_H_
