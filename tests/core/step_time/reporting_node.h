// A node that reports its steps to a model, as tests of learning need one.
#ifndef ELDR_TESTS_CORE_STEP_TIME_REPORTING_NODE_H_
#define ELDR_TESTS_CORE_STEP_TIME_REPORTING_NODE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "absl/time/time.h"
#include "core/step_time/step_time_model.h"

namespace eldr {

// The model whose steps are reported.
inline const ModelGeometry kReportedGeometry = {24, 32, 4, {}};

// Steps take what `truth` says, times `slowness`, give or take 3 %.
class ReportingNode {
 public:
  ReportingNode(const StepTimeShape& truth, const ModelGeometry& geometry, std::uint64_t seed)
      : truth_(truth, geometry), cells_(static_cast<double>(geometry.cells())), rng_(seed) {}

  double slowness = 1;
  bool tells_experts = true;

  // The seconds that a step of a batch takes.
  double StepTime(double batch) const {
    return slowness * truth_.Predict(Experts(batch), batch, 0);
  }
  // Distinct experts of a batch; each request leaves a cell alone with the same chance.
  double Experts(double batch) const { return cells_ * (1 - std::pow(0.94, batch)); }

  // A second's worth of steps with a batch of about `batch`, in one bucket; all durations times
  // `lie`.
  StepStats Report(std::uint32_t batch, double lie = 1) {
    const double step = StepTime(batch) * std::exp(noise_(rng_)) * lie;
    const auto steps = static_cast<std::uint64_t>(std::max(1.0, 1 / StepTime(batch)));
    StepStats stats = {
        batch, steps, absl::Seconds(step * static_cast<double>(steps)), static_cast<double>(batch),
        {},    {}};
    if (tells_experts) stats.mean_distinct_experts = Experts(batch);
    return stats;
  }
  // The same with a batch drawn from 4 to 40.
  StepStats AnyReport(double lie = 1) { return Report(batch_(rng_), lie); }

  // Reports `count` times, each time with a batch drawn anew, and answers how many were not wholly
  // believed.
  int Tell(StepTimeModel& model, int count, double lie = 1) {
    int not_believed = 0;
    for (int i = 0; i < count; ++i) {
      const std::vector<StepStats> steps = {AnyReport(lie)};
      if (model.Observe(steps, Experts(20), 20).any()) ++not_believed;
    }
    return not_believed;
  }

  // How far the model's prediction is from the truth: predicted / true, at a batch of 20.
  double Ratio(const StepTimeModel& model) const {
    return model.Predict(Experts(20), 20, 0) / StepTime(20);
  }

 private:
  const StepTimeModel truth_;
  const double cells_;
  std::mt19937_64 rng_;
  std::normal_distribution<double> noise_{0, 0.03};
  std::uniform_int_distribution<std::uint32_t> batch_{4, 40};
};

}  // namespace eldr

#endif  // ELDR_TESTS_CORE_STEP_TIME_REPORTING_NODE_H_
