// The goal for placements on a fleet that changes, measured.
#ifndef ELDR_BENCH_MICRO_CHURN_GOAL_H_
#define ELDR_BENCH_MICRO_CHURN_GOAL_H_

#include <cstddef>
#include <vector>

#include "bench/micro/decision_goals.h"

namespace eldr {

// For each policy, and for each as the shadow of residency: the P99 of a placement on 1,024 nodes
// of which one leaves and one joins each second, as a ratio to that on a still fleet. By wall time,
// in turns of three seconds each, `rounds` of both; what policies have for the background runs on
// other threads, as in the daemon. Times go to standard error. REQUIRES: at least one round.
std::vector<Goal> MeasureChurnGoals(std::size_t rounds);

}  // namespace eldr

#endif  // ELDR_BENCH_MICRO_CHURN_GOAL_H_
