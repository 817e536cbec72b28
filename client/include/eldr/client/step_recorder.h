// Adds up decode steps by the size of their batch, as heartbeats tell them.
#ifndef ELDR_CLIENT_STEP_RECORDER_H_
#define ELDR_CLIENT_STEP_RECORDER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "eldr/v1/fleet.pb.h"

namespace eldr::client {

// The bounds of a StepRecorder that is given none: the sizes for which engines capture graphs, and
// powers of two beyond them, up to 1,000,000; 63 of them.
absl::Span<const uint32_t> DefaultStepBuckets();

//   StepRecorder steps;
//   steps.Add({.batch = 12, .duration = absl::Milliseconds(14)});   // after each decode step
//   NodeLoad load;
//   load.steps = steps.Take();                                      // for each heartbeat
//
// Not thread-safe.
class StepRecorder {
 public:
  // Decode steps without any prefill.
  struct Step {
    double batch = 1;  // requests in it, at least 1; a mean if it stands for several
    absl::Duration duration = absl::ZeroDuration();         // of one step, 0 or more, finite
    std::optional<double> context_tokens = std::nullopt;    // of the batch, if known
    std::optional<double> distinct_experts = std::nullopt;  // summed over layers, if known
    uint64_t count = 1;                                     // how many such steps
  };

  StepRecorder() : StepRecorder(DefaultStepBuckets()) {}
  // `buckets` are the largest batches of each bucket. REQUIRES: 1 to 64 ascending numbers of at
  // least 1.
  explicit StepRecorder(absl::Span<const uint32_t> buckets);

  // A batch over the last bound counts as of it. INVALID_ARGUMENT if it is no step; then nothing
  // changes.
  absl::Status Add(const Step& step);

  // What was added since the last call, by rising batch.
  std::vector<v1::StepStats> Take();

 private:
  struct Sums {
    uint64_t steps = 0;
    absl::Duration duration;
    double batch = 0;
    double context_tokens = 0;
    uint64_t with_context = 0;
    double experts = 0;
    uint64_t with_experts = 0;
  };

  std::vector<uint32_t> buckets_;
  std::map<uint32_t, Sums> sums_;  // by bound
};

}  // namespace eldr::client

#endif  // ELDR_CLIENT_STEP_RECORDER_H_
