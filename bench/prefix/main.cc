// eldr-prefix: composes the signatures of prompts whose prefix was cached, and checks them.
#include <unistd.h>

#include <cstdio>
#include <string>

#include "bench/prefix/block_routing.h"
#include "bench/prefix/block_trace.h"
#include "bench/prefix/prefix_flags.h"
#include "bench/prefix/prefix_replay.h"
#include "bench/prefix/prefix_report.h"
#include "core/base/clock.h"
#include "core/base/status_macros.h"

namespace eldr::prefix {
namespace {

// On a terminal one line that is written over, else a line for each quarter.
void ShowProgress(std::size_t done, std::size_t total) {
  static const bool terminal = isatty(STDERR_FILENO) == 1;
  const bool quarter = done * 4 / total != (done - 1) * 4 / total;
  if (terminal ? done % 50 != 0 : !quarter) return;
  std::fprintf(stderr, terminal ? "\r\033[Kprompt %zu of %zu" : "prompt %zu of %zu\n", done, total);
}

// True if every composed signature was right.
absl::StatusOr<bool> Run(const PrefixFlags& flags) {
  ELDR_ASSIGN_OR_RETURN(const BlockRouting routing, BlockRouting::Load(flags.routing, flags.seed));
  ELDR_ASSIGN_OR_RETURN(std::vector<Prompt> prompts, ReadPrompts(flags.prompts));
  if (flags.requests > 0 && flags.requests < prompts.size()) prompts.resize(flags.requests);
  ELDR_ASSIGN_OR_RETURN(
      const PrefixResult result,
      ReplayPrompts(prompts, routing, flags.options, RealClock(), [&](std::size_t done) {
        if (!flags.quiet) ShowProgress(done, prompts.size());
      }));
  if (!flags.quiet && isatty(STDERR_FILENO) == 1) std::fputs("\r\033[K", stderr);
  const std::string report = flags.json ? JsonReport(flags, routing.geometry(), result)
                                        : TableReport(flags, routing.geometry(), result);
  std::fputs(report.c_str(), stdout);
  return result.mismatches() == 0;
}

}  // namespace
}  // namespace eldr::prefix

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto flags = eldr::prefix::ParsePrefixFlags(argc, argv, &exit_code);
  if (!flags) return exit_code;
  const auto right = eldr::prefix::Run(*flags);
  if (right.ok()) return *right ? 0 : 1;
  std::fprintf(stderr, "eldr-prefix: %s\n", std::string(right.status().message()).c_str());
  return 1;
}
