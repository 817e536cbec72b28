#include "tools/replay/replay_result.h"

#include <algorithm>

namespace eldr::replay {

absl::Duration NearestRank(const std::vector<absl::Duration>& sorted, int percent) {
  const std::size_t rank = (sorted.size() * static_cast<std::size_t>(percent) + 99) / 100;
  return sorted[rank - 1];
}

TimeSummary Summarize(std::vector<absl::Duration>& times) {
  TimeSummary summary;
  if (times.empty()) return summary;
  std::sort(times.begin(), times.end());
  summary.count = times.size();
  summary.p50 = NearestRank(times, 50);
  summary.p95 = NearestRank(times, 95);
  summary.p99 = NearestRank(times, 99);
  absl::Duration sum;
  for (const absl::Duration time : times) sum += time;
  summary.mean = sum / static_cast<std::int64_t>(times.size());
  return summary;
}

}  // namespace eldr::replay
