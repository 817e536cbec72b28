// The goals for a placement over the wire, measured.
#ifndef ELDR_BENCH_WIRE_WIRE_GOALS_H_
#define ELDR_BENCH_WIRE_WIRE_GOALS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/micro/decision_goals.h"

namespace eldr {

struct WirePrograms {
  std::string eldrd;
  std::string echo;
};

// Starts both programs on unix sockets and compares them in turns: the server's CPU time of a
// placement with 16 nodes and 48 layers x 128 experts, its signature of 6 KiB inline, and the
// unloaded median latency. Both servers are on one core and this program on another, if there are
// two: threads that move between cores that sleep cost more than a call, and hide it. Times go to
// standard error. Errors of DaemonProcess::Start(), and of a call that failed.
absl::StatusOr<std::vector<Goal>> MeasureWireGoals(const WirePrograms& programs);

}  // namespace eldr

#endif  // ELDR_BENCH_WIRE_WIRE_GOALS_H_
