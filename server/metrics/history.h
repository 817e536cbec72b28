// What the daemon did in the last hour, so that a page has a past when it opens.
#ifndef ELDR_SERVER_METRICS_HISTORY_H_
#define ELDR_SERVER_METRICS_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/route/router.h"
#include "server/metrics/metrics.h"
#include "server/metrics/model_counts.h"

namespace eldr {

// A stretch of time; see HistoryPoint in history.proto. A mean of nothing is not a number.
struct HistoryPoint {
  std::int64_t end_unix_ms = 0;
  float duration_seconds = 0;
  std::uint32_t placements = 0;
  std::uint32_t failed_placements = 0;
  float decision_p50_seconds = 0;
  float decision_p99_seconds = 0;
  std::uint32_t by_quality[3] = {};  // by SignatureQuality
  float signature_age_p50_seconds = 0;
  float signature_age_p99_seconds = 0;
  std::uint32_t compared_placements = 0;
  float marginal_experts = 0;
  float candidate_marginal_experts = 0;
  std::uint32_t shadow_decisions = 0;
  std::uint32_t shadow_agrees = 0;
  float cost_made_seconds = 0;
  float cost_shadow_seconds = 0;
  std::uint32_t nodes = 0;
  std::uint32_t ready_nodes = 0;
  std::uint64_t leases = 0;
  std::uint64_t load = 0;
  std::uint64_t capacity = 0;
  float expected_experts_per_layer = 0;
  float predicted_step_seconds = 0;
  float reported_step_seconds = 0;
  float kv_usage_mean = 0;
  float kv_usage_max = 0;
  float per_expert_seconds = 0;
  std::uint32_t refused_calls = 0;
};

// Reads the metrics and the router every kInterval and keeps the differences, so that placements
// pay nothing for it. Its memory is fixed: kPoints points for each of at most kModels models, those
// that it saw first.
//
// Thread-safe.
class History {
 public:
  static constexpr absl::Duration kInterval = absl::Seconds(10);
  static constexpr std::size_t kPoints = 360;
  static constexpr std::size_t kModels = 8;

  // References must outlive it.
  History(const Router& router, const Metrics& metrics, const Clock& clock)
      : router_(router), metrics_(metrics), clock_(clock) {}

  // Adds a point to each model if kInterval has passed since the last ones. Call it more often than
  // that; what is late makes a longer point, and nothing is lost.
  void Step();

  // The points of a model that end after `after`, the oldest first; none if it is not kept.
  std::vector<HistoryPoint> Points(absl::string_view model,
                                   absl::Time after = absl::InfinitePast()) const;
  // Whether the model has a history, or will have one when the next point is due.
  bool Keeps(absl::string_view model) const;

 private:
  struct Series {
    ModelCounts last;
    std::vector<HistoryPoint> ring;  // grows to kPoints, once
    std::size_t next = 0;            // to be overwritten, once it is full
    void Add(const HistoryPoint& point);
  };
  // What passed since `last`, and the fleet as it stands.
  HistoryPoint MakePoint(const ModelDescription& model, const ModelCounts& last,
                         const ModelCounts& now) const;

  const Router& router_;
  const Metrics& metrics_;
  const Clock& clock_;
  mutable Mutex mutex_;
  std::optional<MonotonicTime> last_step_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t last_refused_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, Series, std::less<>> series_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace eldr

#endif  // ELDR_SERVER_METRICS_HISTORY_H_
