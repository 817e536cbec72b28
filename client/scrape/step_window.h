// Decode steps between two pages of an engine's metrics.
#ifndef ELDR_CLIENT_SCRAPE_STEP_WINDOW_H_
#define ELDR_CLIENT_SCRAPE_STEP_WINDOW_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/scrape/engine_page.h"

namespace eldr::scrape {

// What the steps of a window have in common.
struct StepWindow {
  std::uint64_t steps = 0;
  double mean_batch = 0;
  absl::Duration mean_duration;
};

enum class WindowOutcome : std::uint8_t {
  kSteps,      // the steps are known
  kIdle,       // there were none
  kNoSteps,    // the engine tells too little
  kPrefill,    // some steps ran prefill too, and which is not known
  kMixed,      // batches were too different for one mean
  kRestarted,  // counters fell: another process counts
};
// As a label: "steps", "idle", "no_steps", "prefill", "mixed", "restarted".
absl::string_view Name(WindowOutcome outcome);
inline constexpr std::size_t kWindowOutcomes = 6;

struct WindowResult {
  WindowOutcome outcome = WindowOutcome::kNoSteps;
  StepWindow window;  // if kSteps
};

// With a histogram of the tokens of each iteration, its count tells the steps and its sum the
// batch; without, the tokens over the mean of the running gauges do. The mean time between two
// tokens of a request is that of a step. `tokens_per_step`: what a step of speculative decoding
// verifies per sequence; then the tokens are more than the batch, which is taken from the gauge.
WindowResult StepsBetween(const EnginePage& before, const EnginePage& after,
                          std::uint32_t tokens_per_step = 1);

}  // namespace eldr::scrape

#endif  // ELDR_CLIENT_SCRAPE_STEP_WINDOW_H_
