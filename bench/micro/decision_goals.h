// The goals for the core's decision, measured.
#ifndef ELDR_BENCH_MICRO_DECISION_GOALS_H_
#define ELDR_BENCH_MICRO_DECISION_GOALS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace eldr {

// A figure and what it is to be at most, or at least.
struct Goal {
  std::string name;
  std::string target;  // as people read it: "<= 0.9"
  double value = 0;
  bool holds = false;
};

Goal AtMost(std::string name, double value, double limit);
Goal AtLeast(std::string name, double value, double limit);

// Decision with reservation against plain f32 scoring of as many rows, by number of nodes, and
// release against the decision at 16; each a ratio of CPU times of one interleaved run. A line per
// figure, with the times, goes to standard error. Empty on a processor without AVX2.
std::vector<Goal> MeasureDecisionGoals(absl::string_view policy);

}  // namespace eldr

#endif  // ELDR_BENCH_MICRO_DECISION_GOALS_H_
