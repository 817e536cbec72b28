#include "server/metrics/history.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace eldr {
namespace {

static_assert(History::kPoints * sizeof(HistoryPoint) <= 52 << 10, "docs/api.md says 52 KiB");

constexpr float kNothing = std::numeric_limits<float>::quiet_NaN();

// A mean over the nodes that have a value.
class Mean {
 public:
  void Add(double value) {
    sum_ += value;
    ++count_;
  }
  void Add(std::optional<absl::Duration> value) {
    if (value.has_value()) Add(absl::ToDoubleSeconds(*value));
  }
  float value() const { return count_ == 0 ? kNothing : static_cast<float>(sum_ / count_); }

 private:
  double sum_ = 0;
  double count_ = 0;
};

float Ratio(double sum, std::uint64_t count) {
  return count == 0 ? kNothing : static_cast<float>(sum / static_cast<double>(count));
}

std::uint32_t Narrow(std::uint64_t count) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(count, std::numeric_limits<std::uint32_t>::max()));
}

void FillQuantiles(const BucketCounts& buckets, float& p50, float& p99) {
  const bool some = buckets.total() > 0;
  p50 = some ? static_cast<float>(buckets.Quantile(0.5)) : kNothing;
  p99 = some ? static_cast<float>(buckets.Quantile(0.99)) : kNothing;
}

void FillFleet(const std::vector<NodeStatus>& nodes, HistoryPoint& point) {
  Mean experts, predicted, reported, kv, per_expert;
  float kv_max = kNothing;
  for (const NodeStatus& node : nodes) {
    point.load += node.load;
    point.capacity += node.spec.capacity;
    if (node.leases > 0) {
      experts.Add(node.expected_experts_per_layer);
      predicted.Add(node.predicted_step_time);
    }
    reported.Add(node.reported_step_time);
    per_expert.Add(node.step_time.per_expert);
    if (!node.reported_kv_usage.has_value()) continue;
    kv.Add(*node.reported_kv_usage);
    kv_max = std::fmax(kv_max, static_cast<float>(*node.reported_kv_usage));
  }
  point.expected_experts_per_layer = experts.value();
  point.predicted_step_seconds = predicted.value();
  point.reported_step_seconds = reported.value();
  point.kv_usage_mean = kv.value();
  point.kv_usage_max = kv_max;
  point.per_expert_seconds = per_expert.value();
}

void FillCounts(const ModelCounts& last, const ModelCounts& now, HistoryPoint& point) {
  point.placements = Narrow(now.placements - last.placements);
  point.failed_placements = Narrow(now.not_placed - last.not_placed);
  for (std::size_t i = 0; i < now.by_quality.size(); ++i) {
    point.by_quality[i] = Narrow(now.by_quality[i] - last.by_quality[i]);
  }
  FillQuantiles(now.decision_seconds.Since(last.decision_seconds), point.decision_p50_seconds,
                point.decision_p99_seconds);
  FillQuantiles(now.signature_age_seconds.Since(last.signature_age_seconds),
                point.signature_age_p50_seconds, point.signature_age_p99_seconds);
  const std::uint64_t compared = now.compared - last.compared;
  point.compared_placements = Narrow(compared);
  point.marginal_experts = Ratio(now.marginal_experts - last.marginal_experts, compared);
  point.candidate_marginal_experts =
      Ratio(now.candidate_marginal_experts - last.candidate_marginal_experts, compared);
  const std::uint64_t shadowed = now.shadow_decisions - last.shadow_decisions;
  point.shadow_decisions = Narrow(shadowed);
  point.shadow_agrees = Narrow(now.shadow_agrees - last.shadow_agrees);
  point.cost_made_seconds = Ratio(now.cost_made_seconds - last.cost_made_seconds, shadowed);
  point.cost_shadow_seconds = Ratio(now.cost_shadow_seconds - last.cost_shadow_seconds, shadowed);
}

}  // namespace

void History::Series::Add(const HistoryPoint& point) {
  if (ring.capacity() < kPoints) ring.reserve(kPoints);
  if (ring.size() < kPoints) {
    ring.push_back(point);
    return;
  }
  ring[next] = point;
  next = (next + 1) % kPoints;
}

HistoryPoint History::MakePoint(const ModelDescription& model, const ModelCounts& last,
                                const ModelCounts& now) const {
  HistoryPoint point;
  point.end_unix_ms = absl::ToUnixMillis(clock_.Wall());
  point.nodes = model.nodes;
  point.ready_nodes = model.ready_nodes;
  point.leases = model.leases;
  FillCounts(last, now, point);
  const auto nodes = router_.ListNodes(model.spec.name);
  if (nodes.ok()) FillFleet(*nodes, point);
  return point;
}

void History::Step() {
  MutexLock lock(mutex_);
  const MonotonicTime now = clock_.Monotonic();
  if (last_step_.has_value() && now - *last_step_ < kInterval) return;
  const std::uint64_t refused = metrics_.refused();
  for (const ModelDescription& model : router_.ListModels()) {
    const ModelMetrics* const metrics = metrics_.FindModel(model.spec.name);
    auto found = series_.find(model.spec.name);
    if (metrics == nullptr || (found == series_.end() && series_.size() == kModels)) continue;
    // A model that is new here was declared since the last step, so that all it counts is new too.
    if (found == series_.end()) found = series_.emplace(model.spec.name, Series()).first;
    Series& series = found->second;
    ModelCounts counts = metrics->Counts(model.spec.settings.shadow_policy);
    if (last_step_.has_value()) {
      HistoryPoint point = MakePoint(model, series.last, counts);
      point.duration_seconds = static_cast<float>(absl::ToDoubleSeconds(now - *last_step_));
      point.refused_calls = Narrow(refused - last_refused_);
      series.Add(point);
    }
    series.last = std::move(counts);
  }
  last_step_ = now;
  last_refused_ = refused;
}

std::vector<HistoryPoint> History::Points(absl::string_view model, absl::Time after) const {
  const std::int64_t after_ms = after == absl::InfinitePast()
                                    ? std::numeric_limits<std::int64_t>::min()
                                    : absl::ToUnixMillis(after);
  MutexLock lock(mutex_);
  std::vector<HistoryPoint> points;
  const auto found = series_.find(model);
  if (found == series_.end()) return points;
  const Series& series = found->second;
  for (std::size_t i = 0; i < series.ring.size(); ++i) {
    const HistoryPoint& point = series.ring[(series.next + i) % series.ring.size()];
    if (point.end_unix_ms > after_ms) points.push_back(point);
  }
  return points;
}

bool History::Keeps(absl::string_view model) const {
  MutexLock lock(mutex_);
  return series_.find(model) != series_.end() || series_.size() < kModels;
}

}  // namespace eldr
