// How long a decode step takes on a node: a configured shape, and what the node teaches about it.
#ifndef ELDR_CORE_STEP_TIME_STEP_TIME_MODEL_H_
#define ELDR_CORE_STEP_TIME_STEP_TIME_MODEL_H_

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/model/model_geometry.h"
#include "core/step_time/report_gate.h"
#include "core/step_time/step_stats.h"

namespace eldr {

// The configured shape: t(A, B, H) = base + all_experts * A / cells + per_request * B +
// per_context_token * H. All are >= 0.
struct StepTimeShape {
  absl::Duration base = absl::Milliseconds(4);
  // To load the weights of every expert of every layer once. Stated for the whole model, so that
  // one default fits models of any number of experts.
  absl::Duration all_experts = absl::Milliseconds(20);
  absl::Duration per_request = absl::Microseconds(30);
  absl::Duration per_context_token = absl::ZeroDuration();

  friend bool operator==(const StepTimeShape&, const StepTimeShape&) = default;
};

// The coefficients in force, in seconds.
struct StepTimeCoefficients {
  double base = 0;
  double per_expert = 0;
  double per_request = 0;
  double per_context_token = 0;
  // How much slower than the configured shape the node is: 1 until it has reported.
  double slowness = 1;
  // What the bucket of the batch at hand takes beyond those terms, relative to their sum.
  double bucket_offset = 0;
};

// The distinct experts of a batch, from those that another batch of like requests activates: each
// request leaves a cell untouched with the same chance. `cells` bounds them.
double ExpertsAtBatch(double experts, double batch, double other_batch, double cells);

// Learns in three stages, each only as far as the reports carry it:
//   1. one factor on the whole shape, the node's slowness;
//   2. a factor for each of the four terms, where reports tell the distinct experts. The terms grow
//      together (more requests, more experts), so least squares alone could not tell them apart; a
//      ridge towards the common factor lets only those directions move that the data separate, and
//      bounds the condition number (below 10^5). Each stays within a factor of 4 of stage 1;
//   3. an offset for each reported batch bucket, at most a fifth of the prediction (captured graphs
//      pad a batch to their size).
//
// A report can be wrong: a slip of units, a clock that jumped. What is 100 times as long or as
// short as the shape is never learned from, and what is far from the node's own past only if it
// goes on (report_gate.h). So one wrong report changes little, and what was learned from wrong ones
// is gone after some ten right ones.
//
// Predicts in seconds as double: a decision computes thousands of these. Not thread-safe.
class StepTimeModel {
 public:
  static constexpr std::size_t kTerms = 4;
  using Terms = std::array<double, kTerms>;
  struct BucketOffset {
    std::uint32_t max_batch = 0;
    double offset = 0;
    friend bool operator==(const BucketOffset&, const BucketOffset&) = default;
  };
  // What it knows, to be kept and given back.
  struct Learned {
    Terms configured{};  // the shape that it is relative to, in seconds per unit of each term
    double slowness = 1;
    // Normal equations of "the terms' shares of the observed duration add up to 1", with old
    // reports fading: of the whole shape, and by term.
    double shape_squared = 0;
    double shape_sum = 0;
    double separable_weight = 0;
    std::array<Terms, kTerms> term_products{};
    Terms term_sums{};
    Terms factors{};                    // on each configured term
    std::vector<BucketOffset> offsets;  // by max_batch

    friend bool operator==(const Learned&, const Learned&) = default;
  };

  StepTimeModel(const StepTimeShape& shape, const ModelGeometry& geometry);

  // The duration, in seconds, of a step that activates `experts` distinct experts (summed over
  // layers) for `batch` sequences which hold `context_tokens` tokens of KV.
  double Predict(double experts, double batch, double context_tokens) const {
    const double shape = coefficients_.base + coefficients_.per_expert * experts +
                         coefficients_.per_request * batch +
                         coefficients_.per_context_token * context_tokens;
    return learned_.offsets.empty() ? shape : shape * (1 + Offset(batch));
  }

  // Learns from the buckets of one valid report, and answers why it did not from some of them, if
  // so. If a bucket does not tell its distinct experts, they are derived from the group's
  // expectation now: `expected_experts` at a batch of `batch`.
  Disbeliefs Observe(absl::Span<const StepStats> steps, double expected_experts, double batch);

  const Learned& Save() const { return learned_; }
  // Takes what Save() gave; false, with nothing changed, if it was learned on another shape or is
  // out of range.
  bool Restore(const Learned& learned);
  // Nothing was learned yet.
  bool unlearned() const { return !has_learned_; }

  // Without an offset of a bucket.
  const StepTimeCoefficients& coefficients() const { return coefficients_; }
  // With that of the bucket that a batch falls in.
  StepTimeCoefficients CoefficientsAt(double batch) const {
    StepTimeCoefficients at = coefficients_;
    at.bucket_offset = Offset(batch);
    return at;
  }
  // The learned offset of the bucket that a batch falls in, relative to the shape; 0 if none.
  double Offset(double batch) const;

 private:
  static constexpr std::size_t kMostBuckets = 64;  // further ones have no offset

  // A bucket of a report, as it is learned from.
  struct Sample {
    std::uint32_t max_batch = 0;
    double observed = 0;  // seconds per step
    double expected = 0;  // the same, by what was learned before; without the bucket's offset
    double weight = 0;    // of its steps, 0 to 1
    bool separable = false;
    Terms terms{};  // of the configured shape, in seconds
    double residual() const { return std::log(observed / expected); }
  };
  using Samples = absl::InlinedVector<Sample, 8>;

  Sample SampleOf(const StepStats& stats, double experts) const;
  static double MedianResidual(const Samples& samples);
  double Apply(const Terms& terms) const;
  void Learn(const Sample& sample, double weight);
  // Forgets all that was learned, and the shape's own trust with it.
  void StartAnew();
  Terms TermsOf(double experts, double batch, double context_tokens) const;
  void Accumulate(const Terms& shares, double weight, bool separable);
  void Solve();
  void SetCoefficients();
  void LearnOffset(std::uint32_t max_batch, double relative_error, double weight);

  double cells_;
  Learned learned_;
  bool has_learned_ = false;
  ReportGate gate_;
  StepTimeCoefficients coefficients_;  // derived
};

}  // namespace eldr

#endif  // ELDR_CORE_STEP_TIME_STEP_TIME_MODEL_H_
