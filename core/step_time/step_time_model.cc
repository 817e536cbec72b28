#include "core/step_time/step_time_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace eldr {
namespace {

// A report of this many steps is as good as they get: what is left is not noise of the mean.
constexpr double kFullSteps = 30;
// A full report takes this share of the memory: half is forgotten after some 35 reports.
constexpr double kForget = 0.02;
// How many full reports the configured shape counts for at the start.
constexpr double kTrustInShape = 0.5;
// The ridge: the noise of a report's mean (some 3 %) over how far a term may be off (half of it),
// both squared; and, to bound the condition number, a share of the weight of the data.
constexpr double kRidge = 0.004;
constexpr double kRidgeShare = 1e-4;
constexpr double kMostSlowness = 100;
constexpr double kMostTermRatio = 4;
constexpr double kMostOffset = 0.2;
constexpr double kOffsetGain = 0.1;
constexpr int kSweeps = 20;

// A grows with the batch as if its requests were alike: each leaves a cell untouched with chance q,
// A = cells * (1 - q^B).
double ExpertsAtBatch(double experts, double batch, double other_batch, double cells) {
  if (batch <= 0 || experts <= 0) return 0;
  const double untouched = 1 - std::min(experts / cells, 1 - 1e-9);
  return cells * (1 - std::pow(untouched, other_batch / batch));
}

}  // namespace

StepTimeModel::StepTimeModel(const StepTimeShape& shape, const ModelGeometry& geometry)
    : cells_(static_cast<double>(geometry.cells())),
      configured_{
          absl::ToDoubleSeconds(shape.base), absl::ToDoubleSeconds(shape.all_experts) / cells_,
          absl::ToDoubleSeconds(shape.per_request), absl::ToDoubleSeconds(shape.per_context_token)},
      coefficients_{configured_[0], configured_[1], configured_[2], configured_[3], 1},
      shape_squared_(kTrustInShape),
      shape_sum_(kTrustInShape) {
  factors_.fill(1);
}

StepTimeModel::Terms StepTimeModel::TermsOf(double experts, double batch,
                                            double context_tokens) const {
  return {configured_[0], configured_[1] * experts, configured_[2] * batch,
          configured_[3] * context_tokens};
}

void StepTimeModel::Observe(const StepStats& stats, double expected_experts, double batch) {
  const double observed =
      absl::ToDoubleSeconds(stats.total_duration) / static_cast<double>(stats.steps);
  const double experts = stats.mean_distinct_experts.value_or(
      ExpertsAtBatch(expected_experts, batch, stats.mean_batch, cells_));
  // Without a fleet's leases there is nothing to compare with.
  if (experts <= 0) return;
  const double weight = std::min(static_cast<double>(stats.steps) / kFullSteps, 1.0);
  Terms shares = TermsOf(experts, stats.mean_batch, stats.mean_context_tokens.value_or(0));
  for (double& share : shares) share /= observed;
  if (std::accumulate(shares.begin(), shares.end(), 0.0) <= 0) return;  // the shape is all zero
  Accumulate(shares, weight, stats.mean_distinct_experts.has_value());
  Solve();

  const double shape = coefficients_.base + coefficients_.per_expert * experts +
                       coefficients_.per_request * stats.mean_batch +
                       coefficients_.per_context_token * stats.mean_context_tokens.value_or(0);
  LearnOffset(stats.max_batch, observed / shape - 1, weight);
}

void StepTimeModel::Accumulate(const Terms& shares, double weight, bool separable) {
  const double keep = 1 - kForget * weight;
  const double whole = std::accumulate(shares.begin(), shares.end(), 0.0);
  shape_squared_ = shape_squared_ * keep + weight * whole * whole;
  shape_sum_ = shape_sum_ * keep + weight * whole;
  if (!separable) return;
  separable_weight_ = separable_weight_ * keep + weight;
  for (std::size_t i = 0; i < kTerms; ++i) {
    for (std::size_t j = 0; j < kTerms; ++j) {
      term_products_[i][j] = term_products_[i][j] * keep + weight * shares[i] * shares[j];
    }
    term_sums_[i] = term_sums_[i] * keep + weight * shares[i];
  }
}

// Coordinate descent: few terms, box constraints, a strictly convex objective.
void StepTimeModel::Solve() {
  const double slowness = std::clamp(shape_sum_ / shape_squared_, 1 / kMostSlowness, kMostSlowness);
  const double ridge = kRidge + kRidgeShare * separable_weight_;
  if (separable_weight_ == 0) factors_.fill(slowness);
  Terms& factors = factors_;  // from where the last report left them: most of the way is gone
  for (int sweep = 0; sweep < kSweeps && separable_weight_ > 0; ++sweep) {
    for (std::size_t i = 0; i < kTerms; ++i) {
      double rest = term_sums_[i] + ridge * slowness;
      for (std::size_t j = 0; j < kTerms; ++j) {
        if (j != i) rest -= term_products_[i][j] * factors[j];
      }
      factors[i] = std::clamp(rest / (term_products_[i][i] + ridge), slowness / kMostTermRatio,
                              slowness * kMostTermRatio);
    }
  }
  coefficients_ = {configured_[0] * factors[0], configured_[1] * factors[1],
                   configured_[2] * factors[2], configured_[3] * factors[3], slowness};
}

void StepTimeModel::LearnOffset(std::uint32_t max_batch, double relative_error, double weight) {
  auto bucket = std::lower_bound(
      offsets_.begin(), offsets_.end(), max_batch,
      [](const BucketOffset& entry, std::uint32_t batch) { return entry.max_batch < batch; });
  if (bucket == offsets_.end() || bucket->max_batch != max_batch) {
    if (offsets_.size() == kMostBuckets) return;
    bucket = offsets_.insert(bucket, {max_batch, 0});
  }
  const double gain = kOffsetGain * weight;
  bucket->offset = std::clamp(bucket->offset + gain * (relative_error - bucket->offset),
                              -kMostOffset, kMostOffset);
}

double StepTimeModel::Offset(double batch) const {
  const auto bucket = std::lower_bound(
      offsets_.begin(), offsets_.end(), batch,
      [](const BucketOffset& entry, double value) { return entry.max_batch < value; });
  return bucket == offsets_.end() ? 0 : bucket->offset;
}

}  // namespace eldr
