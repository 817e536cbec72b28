#include "bench/micro/goal_report.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace eldr {

std::string FormatGoalTable(const std::vector<Goal>& goals) {
  std::string table = absl::StrFormat("%-56s %9s %9s  %s\n", "goal", "target", "figure", "holds");
  for (const Goal& goal : goals) {
    absl::StrAppendFormat(&table, "%-56s %9s %9.3f  %s\n", goal.name, goal.target, goal.value,
                          goal.holds ? "yes" : "no");
  }
  return table;
}

std::string FormatGoalJson(const std::vector<Goal>& goals) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Goal& goal : goals) {
    list.push_back({{"name", goal.name},
                    {"target", goal.target},
                    {"value", goal.value},
                    {"holds", goal.holds}});
  }
  return nlohmann::ordered_json{{"goals", list}}.dump(2) + "\n";
}

}  // namespace eldr
