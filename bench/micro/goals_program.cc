#include "bench/micro/goals_program.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_format.h"
#include "bench/micro/decision_goals.h"
#include "bench/micro/goal_report.h"

namespace eldr {

int RunCoreGoals(int argc, char** argv) {
  std::string format = "table";
  CLI::App app("Measures how fast decisions are, as ratios to plain scoring in the same run.");
  app.add_option("--format", format, "How to print the goals")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  std::vector<Goal> goals;
  for (const char* policy : {"residency", "locality_band"}) {
    for (Goal& goal : MeasureDecisionGoals(policy)) goals.push_back(std::move(goal));
  }
  if (goals.empty()) {
    absl::FPrintF(stderr, "eldr-core-goals: the yardstick needs a processor with AVX2 and FMA\n");
    return EXIT_FAILURE;
  }
  std::fputs((format == "json" ? FormatGoalJson(goals) : FormatGoalTable(goals)).c_str(), stdout);
  return EXIT_SUCCESS;
}

}  // namespace eldr
