// eldr-sim: what would a placement policy do for this traffic?
#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/base/clock.h"
#include "core/base/status_macros.h"
#include "tools/sim/event_file.h"
#include "tools/sim/event_replay.h"
#include "tools/sim/report.h"
#include "tools/sim/sim_flags.h"
#include "tools/sim/simulate.h"

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

absl::StatusOr<std::vector<EventReplayResult>> Replay(const SimFlags& flags) {
  ELDR_ASSIGN_OR_RETURN(const std::vector<storage::v1::EventRecord> events,
                        ReadEvents(flags.replay));
  std::vector<std::string> policies = flags.config.policies;
  policies.insert(policies.begin(), "recorded");
  ProgressLine progress(flags.quiet);
  std::vector<EventReplayResult> results;
  for (const std::string& policy : policies) {
    progress.Update(static_cast<double>(results.size()), policies.size());
    EventReplayResult result;
    ELDR_ASSIGN_OR_RETURN(result,
                          ReplayEvents(events, policy, flags.config.settings, flags.config.seed));
    results.push_back(std::move(result));
  }
  progress.Clear();
  return results;
}

int RunReplay(const SimFlags& flags) {
  const auto results = Replay(flags);
  if (!results.ok()) {
    absl::FPrintF(stderr, "eldr-sim: %s\n", results.status().message());
    return 1;
  }
  const std::string report = flags.json ? FormatEventJson(*results) : FormatEventTable(*results);
  std::fputs(report.c_str(), stdout);
  return 0;
}

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
  return flags->replay.empty() ? eldr::sim::Run(*flags) : eldr::sim::RunReplay(*flags);
}
