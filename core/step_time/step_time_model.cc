#include "core/step_time/step_time_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

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
// An offset learns from no larger error than this, or one report could set it.
constexpr double kMostOffsetError = 2 * kMostOffset;
// A lone report that is much shorter than expected counts as one of this many times the expected
// share of the shape.
constexpr double kMostLoneShare = 1.5;
constexpr int kSweeps = 20;

double Sum(const StepTimeModel::Terms& terms) {
  return std::accumulate(terms.begin(), terms.end(), 0.0);
}

}  // namespace

// A = cells * (1 - q^B), where q is the chance that one request leaves a cell untouched.
double ExpertsAtBatch(double experts, double batch, double other_batch, double cells) {
  if (batch <= 0 || experts <= 0) return 0;
  const double untouched = 1 - std::min(experts / cells, 1 - 1e-9);
  return cells * (1 - std::pow(untouched, other_batch / batch));
}

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
  gate_.Trust();
  SetCoefficients();
  return true;
}

StepTimeModel::Terms StepTimeModel::TermsOf(double experts, double batch,
                                            double context_tokens) const {
  return {learned_.configured[0], learned_.configured[1] * experts, learned_.configured[2] * batch,
          learned_.configured[3] * context_tokens};
}

Disbeliefs StepTimeModel::Observe(absl::Span<const StepStats> steps, double expected_experts,
                                  double batch) {
  Disbeliefs disbeliefs;
  Samples samples;
  for (const StepStats& stats : steps) {
    const double experts = stats.mean_distinct_experts.value_or(
        ExpertsAtBatch(expected_experts, batch, stats.mean_batch, cells_));
    // Without a fleet's leases there is nothing to compare with.
    if (experts <= 0) continue;
    const Sample sample = SampleOf(stats, experts);
    const double shape = Sum(sample.terms);
    if (shape <= 0) continue;  // the shape is all zero
    // Written so that what is not a number is not believed.
    if (sample.observed >= shape / kMostSlowness && sample.observed <= shape * kMostSlowness) {
      samples.push_back(sample);
    } else {
      disbeliefs.set(static_cast<std::size_t>(Disbelief::kShape));
    }
  }
  if (samples.empty()) return disbeliefs;

  const ReportGate::Verdict verdict = gate_.Judge(MedianResidual(samples));
  if (verdict == ReportGate::Verdict::kStartAnew) StartAnew();
  const bool lone = verdict == ReportGate::Verdict::kTakeLittle;
  for (const Sample& sample : samples) {
    // What was expected is forgotten if all starts anew.
    const bool far = verdict != ReportGate::Verdict::kStartAnew && gate_.settled() &&
                     std::abs(sample.residual()) > ReportGate::kFar;
    if (far || verdict == ReportGate::Verdict::kRefuse) {
      disbeliefs.set(static_cast<std::size_t>(Disbelief::kPast));
      continue;
    }
    double weight = sample.weight;
    if (lone) {
      // Its squared share, which is what weighs, is bounded; and so is that of all its buckets.
      const double part = std::min(1.0, kMostLoneShare * sample.observed / sample.expected);
      weight *= part * part / static_cast<double>(samples.size());
    }
    Learn(sample, weight);
  }
  return disbeliefs;
}

StepTimeModel::Sample StepTimeModel::SampleOf(const StepStats& stats, double experts) const {
  Sample sample;
  sample.max_batch = stats.max_batch;
  sample.observed = absl::ToDoubleSeconds(stats.total_duration) / static_cast<double>(stats.steps);
  sample.terms = TermsOf(experts, stats.mean_batch, stats.mean_context_tokens.value_or(0));
  sample.expected = Apply(sample.terms);
  sample.weight = std::min(static_cast<double>(stats.steps) / kFullSteps, 1.0);
  sample.separable = stats.mean_distinct_experts.has_value();
  return sample;
}

double StepTimeModel::MedianResidual(const Samples& samples) {
  absl::InlinedVector<std::pair<double, double>, 8> residuals;  // and their weights
  double half = 0;
  for (const Sample& sample : samples) {
    residuals.push_back({sample.residual(), sample.weight});
    half += sample.weight / 2;
  }
  std::sort(residuals.begin(), residuals.end());
  for (const auto& [residual, weight] : residuals) {
    half -= weight;
    if (half <= 0) return residual;
  }
  return residuals.back().first;
}

double StepTimeModel::Apply(const Terms& terms) const {
  double sum = 0;
  for (std::size_t i = 0; i < kTerms; ++i) sum += terms[i] * learned_.factors[i];
  return sum;
}

void StepTimeModel::Learn(const Sample& sample, double weight) {
  Terms shares = sample.terms;
  for (double& share : shares) share /= sample.observed;
  Accumulate(shares, weight, sample.separable);
  Solve();
  LearnOffset(sample.max_batch, sample.observed / Apply(sample.terms) - 1, weight);
}

void StepTimeModel::StartAnew() {
  const Terms configured = learned_.configured;
  learned_ = Learned();
  learned_.configured = configured;
  learned_.factors.fill(1);
}

void StepTimeModel::Accumulate(const Terms& shares, double weight, bool separable) {
  const double keep = 1 - kForget * weight;
  const double whole = Sum(shares);
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
  const double error = std::clamp(relative_error, -kMostOffsetError, kMostOffsetError);
  const double gain = kOffsetGain * weight;
  bucket->offset =
      std::clamp(bucket->offset + gain * (error - bucket->offset), -kMostOffset, kMostOffset);
}

double StepTimeModel::Offset(double batch) const {
  const auto bucket = std::lower_bound(
      learned_.offsets.begin(), learned_.offsets.end(), batch,
      [](const BucketOffset& entry, double value) { return entry.max_batch < value; });
  return bucket == learned_.offsets.end() ? 0 : bucket->offset;
}

}  // namespace eldr
