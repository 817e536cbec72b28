// eldr-sim: what would a placement policy do for this traffic?
#include <unistd.h>

#include <cstdio>
#include <string>

#include "absl/strings/str_format.h"
#include "bench/sim/report.h"
#include "bench/sim/sim_flags.h"
#include "bench/sim/simulate.h"
#include "core/base/clock.h"

namespace eldr::sim {
namespace {

// One line on a terminal, at most ten times a second.
class ProgressLine {
 public:
  explicit ProgressLine(bool quiet) : shown_(!quiet && isatty(STDERR_FILENO) == 1) {}

  void Update(double done, std::size_t cells) {
    const MonotonicTime now = RealClock().Monotonic();
    if (!shown_ || now - last_ < absl::Milliseconds(100)) return;
    last_ = now;
    const double percent = 100 * done / static_cast<double>(cells);
    absl::FPrintF(stderr, "\r\033[Ksimulating: %5.1f %% of %d runs", percent, cells);
  }
  void Clear() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }

 private:
  const bool shown_;
  MonotonicTime last_ = -absl::InfiniteDuration();
};

int Run(const SimFlags& flags) {
  ProgressLine progress(flags.quiet);
  const absl::StatusOr<SimResult> result =
      Simulate(flags.config, [&](double done, std::size_t cells) { progress.Update(done, cells); });
  progress.Clear();
  if (!result.ok()) {
    absl::FPrintF(stderr, "eldr-sim: %s\n", result.status().message());
    return 1;
  }
  const std::string report =
      flags.json ? FormatJson(flags.config, *result) : FormatTable(flags.config, *result);
  std::fputs(report.c_str(), stdout);
  return 0;
}

}  // namespace
}  // namespace eldr::sim

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto flags = eldr::sim::ParseSimFlags(argc, argv, &exit_code);
  if (!flags) return exit_code;
  return eldr::sim::Run(*flags);
}
