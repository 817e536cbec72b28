// What one page of an engine's metrics says.
#ifndef ELDR_CLIENT_SCRAPE_ENGINE_PAGE_H_
#define ELDR_CLIENT_SCRAPE_ENGINE_PAGE_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/scrape/engine_metrics.h"

namespace eldr::scrape {

// A page with more series of one metric is refused.
inline constexpr std::size_t kMaxSeries = 4096;
// More sequences than this are no load but a mistake.
inline constexpr double kMostSequences = 1e6;

// Only samples that have all these labels count: a rank of an engine, a model of several.
using LabelFilter = std::vector<std::pair<std::string, std::string>>;

// Series of several ranks are one: the sums of what they count.
struct PageHistogram {
  double count = 0;
  double sum = 0;
  std::map<double, double> buckets;  // by upper bound: how many are not above it
};

struct EnginePage {
  double running = 0;
  double queued = 0;
  std::optional<double> kv_usage;  // 0 to 1
  std::optional<PageHistogram> iteration_tokens;
  std::optional<PageHistogram> inter_token_latency;
  std::optional<double> prompt_tokens;
  bool asleep = false;
  // process_start_time_seconds: when the engine's process started.
  std::optional<double> start_time;
};

// Gauges of several engine ranks are added up, the KV usage averaged. Series that differ only in
// the rank of one engine's parallel parts (tp_rank, pp_rank, moe_ep_rank) are reports of one thing,
// and the largest counts.
//
// INVALID_ARGUMENT, naming the metric and what was found, if `running` is not there, or if a number
// of sequences is none. Of the rest, what cannot be right is left out.
absl::StatusOr<EnginePage> ReadEnginePage(absl::string_view page, const EngineMetricNames& names,
                                          const LabelFilter& filter);

}  // namespace eldr::scrape

#endif  // ELDR_CLIENT_SCRAPE_ENGINE_PAGE_H_
