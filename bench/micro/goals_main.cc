// eldr-core-goals: measures the goals for the core's decisions; JSON on standard output.
#include <cstdlib>

#include "absl/strings/str_format.h"
#include "bench/micro/decision_goals.h"
#include "nlohmann/json.hpp"

int main() {
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
  return EXIT_SUCCESS;
}
