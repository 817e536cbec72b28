#include "bench/micro/goals_program.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_format.h"
#include "bench/micro/churn_goal.h"
#include "bench/micro/decision_goals.h"
#include "bench/micro/goal_report.h"
#include "client/flags/command_line.h"

namespace eldr {

int RunCoreGoals(int argc, char** argv) {
  bool json = false;
  int exit_code = 0;
  std::size_t churn_rounds = 0;
  CLI::App app("Measures how fast decisions are, as ratios to plain scoring in the same run.",
               "eldr-core-goals");
  flags::AddFormat(app, json);
  app.add_option(
         "--churn", churn_rounds,
         "Measure instead what nodes that come and go cost the placements of each policy, in "
         "so many rounds; 5 take about 8 minutes")
      ->check(CLI::Range(1, 1000));
  if (!flags::Parse(app, argc, argv, &exit_code)) return exit_code;
  std::vector<Goal> goals;
  if (churn_rounds > 0) {
    goals = MeasureChurnGoals(churn_rounds);
  } else {
    for (const char* policy : {"residency", "locality_band"}) {
      for (Goal& goal : MeasureDecisionGoals(policy)) goals.push_back(std::move(goal));
    }
  }
  if (goals.empty()) {
    absl::FPrintF(stderr, "eldr-core-goals: the yardstick needs a processor with AVX2 and FMA\n");
    return EXIT_FAILURE;
  }
  std::fputs((json ? FormatGoalJson(goals) : FormatGoalTable(goals)).c_str(), stdout);
  return EXIT_SUCCESS;
}

}  // namespace eldr
