#include "server/metrics/model_counts.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>

#include "server/metrics/metric_families.h"
#include "server/metrics/metrics.h"

namespace eldr {
namespace {

BucketCounts ReadCounts(const prometheus::Histogram& histogram) {
  BucketCounts read;
  std::uint64_t below = 0;
  for (const auto& bucket : histogram.Collect().histogram.bucket) {
    if (bucket.upper_bound < std::numeric_limits<double>::infinity()) {
      read.bounds.push_back(bucket.upper_bound);
    }
    read.counts.push_back(bucket.cumulative_count - below);
    below = bucket.cumulative_count;
  }
  return read;
}

std::uint64_t ReadCounts(const prometheus::Counter& counter) {
  return static_cast<std::uint64_t>(counter.Value());
}

// The value of a series that may not have been made yet.
double ReadIfThere(prometheus::Family<prometheus::Counter>& family,
                   const prometheus::Labels& labels) {
  return family.Has(labels) ? family.Add(labels).Value() : 0;
}

}  // namespace

BucketCounts BucketCounts::Since(const BucketCounts& before) const {
  BucketCounts since = *this;
  if (before.counts.size() != counts.size()) return since;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    since.counts[i] -= std::min(before.counts[i], counts[i]);
  }
  return since;
}

std::uint64_t BucketCounts::total() const {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

double BucketCounts::Quantile(double q) const {
  const double rank = q * static_cast<double>(total());
  double below = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    const auto here = static_cast<double>(counts[i]);
    if (here > 0 && below + here >= rank) {
      const double from = i == 0 ? 0 : bounds[i - 1];
      return from + (bounds[i] - from) * (rank - below) / here;
    }
    below += here;
  }
  return bounds.empty() ? 0 : bounds.back();
}

ModelCounts ModelMetrics::Counts(absl::string_view shadow_policy) const {
  ModelCounts counts;
  for (std::size_t quality = 0; quality < kQualities; ++quality) {
    for (const prometheus::Counter* const basis : basis_[quality]) {
      counts.by_quality[quality] += ReadCounts(*basis);
    }
    counts.placements += counts.by_quality[quality];
  }
  counts.not_placed = not_placed_.load(std::memory_order_relaxed);
  counts.compared = compared_.load(std::memory_order_relaxed);
  counts.marginal_experts = marginal_experts_->Value();
  counts.candidate_marginal_experts = candidate_marginal_experts_->Value();
  counts.decision_seconds = ReadCounts(*decision_);
  counts.signature_age_seconds = ReadCounts(*signature_age_);
  if (shadow_policy.empty()) return counts;
  const auto decisions = [&](const char* agrees) {
    return static_cast<std::uint64_t>(ReadIfThere(
        families_.shadow_decisions,
        {{"model", model_}, {"policy", std::string(shadow_policy)}, {"agrees", agrees}}));
  };
  counts.shadow_agrees = decisions("true");
  counts.shadow_decisions = counts.shadow_agrees + decisions("false");
  counts.cost_made_seconds =
      ReadIfThere(families_.shadow_cost, {{"model", model_}, {"choice", "made"}});
  counts.cost_shadow_seconds =
      ReadIfThere(families_.shadow_cost, {{"model", model_}, {"choice", "shadow"}});
  return counts;
}

}  // namespace eldr
