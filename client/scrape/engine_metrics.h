// What engines call what a router wants to know of them.
#ifndef ELDR_CLIENT_SCRAPE_ENGINE_METRICS_H_
#define ELDR_CLIENT_SCRAPE_ENGINE_METRICS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace eldr::scrape {

// What is read of a page.
enum class EngineMetric : std::uint8_t {
  kRunning,            // gauge: sequences in the running batch
  kQueued,             // gauges, added up: sequences that wait; any of them may be missing
  kKvUsage,            // gauge: share of the KV memory in use, 0 to 1
  kIterationTokens,    // histogram: tokens of each step of the engine
  kInterTokenLatency,  // histogram: seconds between two tokens of a request
  kPromptTokens,       // counter: tokens that prefill ran
  kAwake,              // gauge with a label sleep_state="awake": 0 while the engine sleeps
};
inline constexpr std::size_t kEngineMetrics = 7;

// As configured: "running", "queued", "kv_usage", "iteration_tokens", "inter_token_latency",
// "prompt_tokens", "awake".
absl::string_view Name(EngineMetric metric);

// The names of each on the page. Where there are several the first that the page has counts, but
// for kQueued. None: the page has no such thing. Exact, but that ':' and '_' are the same, as
// collectors that relay pages replace one by the other.
using EngineMetricNames = std::array<std::vector<std::string>, kEngineMetrics>;

// What a kind of engine serves where.
struct EnginePreset {
  absl::string_view name;
  absl::string_view metrics_path;
  absl::string_view health_path;  // answers 200 while the engine is well
  EngineMetricNames metrics;
};

// vllm, sglang and trtllm. Live forever.
absl::Span<const EnginePreset> EnginePresets();
// Null if there is none of the name.
const EnginePreset* FindEnginePreset(absl::string_view name);

// Reads "METRIC=NAME[,NAME]", e.g. "running=my_engine_running", over what `names` has; nothing
// after the '=' says that the page has none. INVALID_ARGUMENT, saying what was expected.
absl::Status OverrideMetric(absl::string_view text, EngineMetricNames& names);

// Whether both are one name, ':' being '_'.
bool SameMetricName(absl::string_view one, absl::string_view other);

}  // namespace eldr::scrape

#endif  // ELDR_CLIENT_SCRAPE_ENGINE_METRICS_H_
