// How long a decode step takes.
#ifndef ELDR_CORE_STEP_TIME_STEP_TIME_MODEL_H_
#define ELDR_CORE_STEP_TIME_STEP_TIME_MODEL_H_

#include "absl/time/time.h"
#include "core/model/model_geometry.h"

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

// Predicts in seconds as double: a decision computes thousands of these.
class StepTimeModel {
 public:
  StepTimeModel(const StepTimeShape& shape, const ModelGeometry& geometry)
      : alpha_(absl::ToDoubleSeconds(shape.base)),
        beta_(absl::ToDoubleSeconds(shape.all_experts) / static_cast<double>(geometry.cells())),
        gamma_(absl::ToDoubleSeconds(shape.per_request)),
        delta_(absl::ToDoubleSeconds(shape.per_context_token)) {}

  // The duration, in seconds, of a step that activates `experts` distinct experts (summed over
  // layers) for `batch` sequences which hold `context_tokens` tokens of KV.
  double Predict(double experts, double batch, double context_tokens) const {
    return alpha_ + beta_ * experts + gamma_ * batch + delta_ * context_tokens;
  }

 private:
  double alpha_;
  double beta_;
  double gamma_;
  double delta_;
};

}  // namespace eldr

#endif  // ELDR_CORE_STEP_TIME_STEP_TIME_MODEL_H_
