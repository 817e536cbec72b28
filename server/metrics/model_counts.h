// The counters of one model, as plain numbers.
#ifndef ELDR_SERVER_METRICS_MODEL_COUNTS_H_
#define ELDR_SERVER_METRICS_MODEL_COUNTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace eldr {

// A histogram's buckets: bucket i counts what is at most bounds[i], and more than bounds[i - 1];
// the last one counts what is beyond all bounds.
struct BucketCounts {
  std::vector<double> bounds;
  std::vector<std::uint64_t> counts;  // one more than bounds

  // What came since `before`, which is an earlier reading of the same histogram, or empty.
  BucketCounts Since(const BucketCounts& before) const;
  std::uint64_t total() const;
  // The value below which the share `q`, 0 to 1, of the values lies, as far as the buckets tell: it
  // is interpolated, and at most the highest bound. REQUIRES: total() > 0.
  double Quantile(double q) const;
};

// All since the model was declared. Those of one reading need not be of one instant.
struct ModelCounts {
  std::uint64_t placements = 0;  // without those that only renewed a lease
  std::uint64_t not_placed = 0;
  std::array<std::uint64_t, 3> by_quality{};  // placements, by SignatureQuality
  // Placements that were compared with their candidates, and sums over them.
  std::uint64_t compared = 0;
  double marginal_experts = 0;
  double candidate_marginal_experts = 0;
  // 0 without a shadow policy.
  std::uint64_t shadow_decisions = 0;
  std::uint64_t shadow_agrees = 0;
  double cost_made_seconds = 0;
  double cost_shadow_seconds = 0;
  BucketCounts decision_seconds;
  BucketCounts signature_age_seconds;
};

}  // namespace eldr

#endif  // ELDR_SERVER_METRICS_MODEL_COUNTS_H_
