// What a decode node reports of the steps it ran.
#ifndef ELDR_CORE_STEP_TIME_STEP_STATS_H_
#define ELDR_CORE_STEP_TIME_STEP_STATS_H_

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

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

absl::Duration TotalDuration(absl::Span<const StepStats> steps);
// The mean duration of a step; none if there was none.
std::optional<absl::Duration> MeanStepTime(absl::Span<const StepStats> steps);

// Why what a node reported of its steps was not learned from, wholly or in part.
enum class Disbelief : std::uint8_t {
  kShape,    // the durations are too far from the configured shape for any machine
  kPast,     // they are far from what the node's expert group has taken so far
  kExperts,  // a batch of that size cannot have activated so few or so many experts
  kClock,    // together the steps took far longer than the time since the last report
};
inline constexpr std::size_t kDisbeliefs = 4;
using Disbeliefs = std::bitset<kDisbeliefs>;  // by enumerator
absl::string_view Name(Disbelief disbelief);

}  // namespace eldr

#endif  // ELDR_CORE_STEP_TIME_STEP_STATS_H_
