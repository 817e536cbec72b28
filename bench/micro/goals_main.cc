// eldr-core-goals: measures the goals for the core's decisions; JSON on standard output.
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "absl/strings/str_format.h"
#include "bench/micro/decision_goals.h"
#include "nlohmann/json.hpp"

namespace {

void PrintGoals() {
  nlohmann::json goals = nlohmann::json::array();
  for (const char* policy : {"residency", "locality_band"}) {
    for (const eldr::Goal& goal : eldr::MeasureDecisionGoals(policy)) {
      goals.push_back({{"name", goal.name},
                       {"target", goal.target},
                       {"value", goal.value},
                       {"holds", goal.holds}});
    }
  }
  absl::PrintF("%s\n", nlohmann::json{{"goals", goals}}.dump(2));
}

}  // namespace

int main() {
  try {
    PrintGoals();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "eldr-core-goals: %s\n", error.what());
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
