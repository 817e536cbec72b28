// eldr-loadgen: options -> RunLoad -> report.
#include <cstdio>
#include <string>

#include "absl/strings/str_format.h"
#include "tools/loadgen/load_options.h"
#include "tools/loadgen/load_run.h"
#include "tools/loadgen/report.h"
#include "tools/process/interrupt.h"
#include "tools/process/status_line.h"

namespace eldr::loadgen {
namespace {

constexpr int kInterrupted = 130;  // as a shell reports a program that Ctrl-C ended

int Run(const LoadOptions& options) {
  demo::CatchInterrupts();
  demo::StatusLine status(stderr);
  const absl::Duration whole = options.warmup + options.duration;
  const absl::StatusOr<LoadResult> result = RunLoad(options, [&](const TrafficProgress& progress) {
    status.Update(absl::StrFormat("%5.1f of %.1f s%s: %d placed, %d calls failed, %d under way",
                                  absl::ToDoubleSeconds(progress.elapsed),
                                  absl::ToDoubleSeconds(whole),
                                  progress.warming_up ? " (warm-up)" : "", progress.placed,
                                  progress.failed, progress.under_way));
    return !demo::Interrupted();
  });
  status.Clear();
  if (!result.ok()) {
    absl::FPrintF(stderr, "eldr-loadgen: %s\n", result.status().message());
    return 1;
  }
  const std::string report =
      options.json ? FormatJson(options, *result) : FormatTable(options, *result);
  std::fputs(report.c_str(), stdout);
  if (!result->clean_up.ok()) {
    absl::FPrintF(stderr, "eldr-loadgen: left behind: %s\n", result->clean_up.message());
  }
  if (result->interrupted) return kInterrupted;
  if (result->traffic.place.succeeded().count() > 0) return 0;
  absl::FPrintF(stderr, "eldr-loadgen: nothing was placed%s%s\n",
                result->traffic.place.first_error().empty() ? "" : ": ",
                result->traffic.place.first_error());
  return 1;
}

}  // namespace
}  // namespace eldr::loadgen

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options = eldr::loadgen::ParseLoadOptions(argc, argv, &exit_code);
  return options.has_value() ? eldr::loadgen::Run(*options) : exit_code;
}
