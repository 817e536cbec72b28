// The goal for two threads that place on one model, measured.
#ifndef ELDR_BENCH_MICRO_THREAD_GOAL_H_
#define ELDR_BENCH_MICRO_THREAD_GOAL_H_

#include <vector>

#include "bench/micro/decision_goals.h"

namespace eldr {

// The placements, each with a release, that two threads carry on one model with 64 nodes, as a
// ratio to those of one thread; by wall time, in turns. Times go to standard error. Empty on a
// machine with one processor.
std::vector<Goal> MeasureThreadGoal();

}  // namespace eldr

#endif  // ELDR_BENCH_MICRO_THREAD_GOAL_H_
