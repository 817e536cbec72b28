// How goals are printed.
#ifndef ELDR_BENCH_MICRO_GOAL_REPORT_H_
#define ELDR_BENCH_MICRO_GOAL_REPORT_H_

#include <string>
#include <vector>

#include "bench/micro/decision_goals.h"

namespace eldr {

// A line per goal.
std::string FormatGoalTable(const std::vector<Goal>& goals);
// {"goals": [{"name", "target", "value", "holds"}]}
std::string FormatGoalJson(const std::vector<Goal>& goals);

}  // namespace eldr

#endif  // ELDR_BENCH_MICRO_GOAL_REPORT_H_
