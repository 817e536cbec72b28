#include "bench/soak/soak_options.h"

#include <CLI/CLI.hpp>

#include "client/flags/command_line.h"
#include "client/flags/duration_option.h"

namespace eldr {
std::optional<SoakOptions> ParseSoakOptions(int argc, char** argv, int* exit_code) {
  SoakOptions options;
  CLI::App app(
      "Starts eldrd with a state directory, finds the load that it sustains, and puts it under "
      "half\n"
      "of that for long, while nodes come and go: no call may fail, memory must stay flat, and no\n"
      "lease may be left. With --overload: under twice of that; it must keep serving and shed the\n"
      "rest.",
      "eldr-soak");
  app.footer("Exit status: 0 it held, 1 it did not or could not be run, 2 wrong flags.");
  app.add_option("--eldrd", options.eldrd, "The daemon's program")->required();
  flags::AddDuration(app, "--duration", options.duration, "How long [10m, with --overload 30s]",
                     {.least = absl::Seconds(5)});
  flags::AddDuration(app, "--churn", options.churn, "So often a node leaves and comes back [5s]",
                     {.least = absl::Milliseconds(100)});
  app.add_option("--nodes", options.nodes, "Decode nodes; with --overload by default 1024")
      ->check(CLI::Range(2u, 4096u))
      ->capture_default_str();
  app.add_flag("--overload", options.overload, "Twice the sustainable load");
  app.add_option("--seed", options.seed, "Of arrivals, signatures and churn")
      ->capture_default_str();
  if (!flags::Parse(app, argc, argv, exit_code)) return std::nullopt;
  if (options.overload && app.count("--duration") == 0) options.duration = absl::Seconds(30);
  // Many nodes make a decision dear, so that this process is not what is overloaded.
  if (options.overload && app.count("--nodes") == 0) options.nodes = 1024;
  return options;
}

}  // namespace eldr
