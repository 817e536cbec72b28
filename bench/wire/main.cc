// eldr-bench-goals: all goals for speed, those of core and those over the wire.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_format.h"
#include "bench/micro/decision_goals.h"
#include "bench/micro/goal_report.h"
#include "bench/micro/thread_goal.h"
#include "bench/wire/wire_goals.h"
#include "client/flags/command_line.h"
#include "tools/process/interrupt.h"

namespace eldr {
namespace {

int Run(int argc, char** argv) {
  WirePrograms programs;
  bool json = false;
  int exit_code = 0;
  bool only_wire = false;
  CLI::App app(
      "Measures how fast placements are, in core and over the wire, against yardsticks of the same "
      "run, and prints the goals.",
      "eldr-bench-goals");
  app.add_option("--eldrd", programs.eldrd, "The daemon's program")->required();
  app.add_option("--echo", programs.echo, "eldr-echo's program")->required();
  flags::AddFormat(app, json);
  app.add_flag("--only-wire", only_wire, "Only the goals over the wire");
  if (!flags::Parse(app, argc, argv, &exit_code)) return exit_code;
  demo::CatchInterrupts();
  // First, as it starts processes, which no other thread may be there for.
  const absl::StatusOr<std::vector<Goal>> wire = MeasureWireGoals(programs);
  if (!wire.ok()) {
    absl::FPrintF(stderr, "eldr-bench-goals: %s\n", wire.status().message());
    return EXIT_FAILURE;
  }
  std::vector<Goal> goals;
  const auto add = [&goals](const std::vector<Goal>& more) {
    goals.insert(goals.end(), more.begin(), more.end());
  };
  if (!only_wire) {
    for (const char* policy : {"residency", "locality_band"}) {
      const std::vector<Goal> core = MeasureDecisionGoals(policy);
      if (core.empty()) {
        absl::FPrintF(stderr, "%s: left out, the yardstick needs AVX2 and FMA\n", policy);
      }
      add(core);
    }
    add(MeasureThreadGoal());
  }
  add(*wire);
  std::fputs((json ? FormatGoalJson(goals) : FormatGoalTable(goals)).c_str(), stdout);
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace eldr

int main(int argc, char** argv) {
  try {
    return eldr::Run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "eldr-bench-goals: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
