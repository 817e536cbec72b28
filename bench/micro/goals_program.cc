#include "bench/micro/goals_program.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_format.h"
#include "bench/micro/decision_goals.h"
#include "nlohmann/json.hpp"

namespace eldr {
namespace {

void PrintTable(const std::vector<Goal>& goals) {
  absl::PrintF("%-52s %9s %9s  %s\n", "goal", "target", "figure", "holds");
  for (const Goal& goal : goals) {
    absl::PrintF("%-52s %9s %9.3f  %s\n", goal.name, goal.target, goal.value,
                 goal.holds ? "yes" : "no");
  }
}

void PrintJson(const std::vector<Goal>& goals) {
  nlohmann::json list = nlohmann::json::array();
  for (const Goal& goal : goals) {
    list.push_back({{"name", goal.name},
                    {"target", goal.target},
                    {"value", goal.value},
                    {"holds", goal.holds}});
  }
  absl::PrintF("%s\n", nlohmann::json{{"goals", list}}.dump(2));
}

}  // namespace

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
  if (format == "json") {
    PrintJson(goals);
  } else {
    PrintTable(goals);
  }
  return EXIT_SUCCESS;
}

}  // namespace eldr
