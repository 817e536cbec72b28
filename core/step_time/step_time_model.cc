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
    : cells_(static_cast<double>(geometry.cells())) {
  learned_.configured = {
      absl::ToDoubleSeconds(shape.base), absl::ToDoubleSeconds(shape.all_experts) / cells_,
      absl::ToDoubleSeconds(shape.per_request), absl::ToDoubleSeconds(shape.per_context_token)};
  learned_.shape_squared = kTrustInShape;
  learned_.shape_sum = kTrustInShape;
  learned_.factors.fill(1);
  SetCoefficients();
}

void StepTimeModel::SetCoefficients() {
  const Terms& configured = learned_.configured;
  const Terms& factors = learned_.factors;
  coefficients_ = {configured[0] * factors[0], configured[1] * factors[1],
                   configured[2] * factors[2], configured[3] * factors[3], learned_.slowness};
}

bool StepTimeModel::Restore(const Learned& learned) {
  if (learned.configured != learned_.configured) return false;
  // Written so that a NaN fails too.
  const auto within = [](double value, double least, double most) {
    return value >= least && value <= most;
  };
  constexpr double kMost = 1e12;
  bool sound = within(learned.slowness, 1 / kMostSlowness, kMostSlowness) &&
               within(learned.shape_squared, 1e-12, kMost) && within(learned.shape_sum, 0, kMost) &&
               within(learned.separable_weight, 0, kMost) && learned.offsets.size() <= kMostBuckets;
  for (std::size_t i = 0; i < kTerms; ++i) {
    sound = sound && within(learned.term_sums[i], 0, kMost) &&
            within(learned.factors[i], 1 / (kMostSlowness * kMostTermRatio),
                   kMostSlowness * kMostTermRatio);
    for (const double product : learned.term_products[i])
      sound = sound && within(product, 0, kMost);
  }
  for (std::size_t i = 0; i < learned.offsets.size(); ++i) {
    sound = sound && within(learned.offsets[i].offset, -kMostOffset, kMostOffset) &&
            (i == 0 || learned.offsets[i - 1].max_batch < learned.offsets[i].max_batch);
  }
  if (!sound) return false;
  learned_ = learned;
  has_learned_ = true;
  SetCoefficients();
  return true;
}

StepTimeModel::Terms StepTimeModel::TermsOf(double experts, double batch,
                                            double context_tokens) const {
  return {learned_.configured[0], learned_.configured[1] * experts, learned_.configured[2] * batch,
          learned_.configured[3] * context_tokens};
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
  learned_.shape_squared = learned_.shape_squared * keep + weight * whole * whole;
  learned_.shape_sum = learned_.shape_sum * keep + weight * whole;
  if (!separable) return;
  learned_.separable_weight = learned_.separable_weight * keep + weight;
  for (std::size_t i = 0; i < kTerms; ++i) {
    for (std::size_t j = 0; j < kTerms; ++j) {
      learned_.term_products[i][j] =
          learned_.term_products[i][j] * keep + weight * shares[i] * shares[j];
    }
    learned_.term_sums[i] = learned_.term_sums[i] * keep + weight * shares[i];
  }
}

// Coordinate descent: few terms, box constraints, a strictly convex objective.
void StepTimeModel::Solve() {
  const double slowness =
      std::clamp(learned_.shape_sum / learned_.shape_squared, 1 / kMostSlowness, kMostSlowness);
  const double ridge = kRidge + kRidgeShare * learned_.separable_weight;
  if (learned_.separable_weight == 0) learned_.factors.fill(slowness);
  Terms& factors =
      learned_.factors;  // from where the last report left them: most of the way is gone
  for (int sweep = 0; sweep < kSweeps && learned_.separable_weight > 0; ++sweep) {
    for (std::size_t i = 0; i < kTerms; ++i) {
      double rest = learned_.term_sums[i] + ridge * slowness;
      for (std::size_t j = 0; j < kTerms; ++j) {
        if (j != i) rest -= learned_.term_products[i][j] * factors[j];
      }
      factors[i] = std::clamp(rest / (learned_.term_products[i][i] + ridge),
                              slowness / kMostTermRatio, slowness * kMostTermRatio);
    }
  }
  learned_.slowness = slowness;
  has_learned_ = true;
  SetCoefficients();
}

void StepTimeModel::LearnOffset(std::uint32_t max_batch, double relative_error, double weight) {
  auto bucket = std::lower_bound(
      learned_.offsets.begin(), learned_.offsets.end(), max_batch,
      [](const BucketOffset& entry, std::uint32_t batch) { return entry.max_batch < batch; });
  if (bucket == learned_.offsets.end() || bucket->max_batch != max_batch) {
    if (learned_.offsets.size() == kMostBuckets) return;
    bucket = learned_.offsets.insert(bucket, {max_batch, 0});
  }
  const double gain = kOffsetGain * weight;
  bucket->offset = std::clamp(bucket->offset + gain * (relative_error - bucket->offset),
                              -kMostOffset, kMostOffset);
}

double StepTimeModel::Offset(double batch) const {
  const auto bucket = std::lower_bound(
      learned_.offsets.begin(), learned_.offsets.end(), batch,
      [](const BucketOffset& entry, double value) { return entry.max_batch < value; });
  return bucket == learned_.offsets.end() ? 0 : bucket->offset;
}

}  // namespace eldr
