// Runs every policy under every seed.
#ifndef ELDR_TOOLS_SIM_SIMULATE_H_
#define ELDR_TOOLS_SIM_SIMULATE_H_

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "tools/sim/cell.h"
#include "tools/sim/sim_config.h"

namespace eldr::sim {

struct SimResult {
  std::size_t trace_requests = 0;
  std::size_t left_out = 0;  // too short for their signature
  ModelGeometry geometry;
  std::vector<CellResult> cells;  // by policy as asked, then by seed
};

// How far all of it is: cells, of which the running ones count in part. Called from any of the
// running threads, one at a time.
using OnSimProgress = absl::FunctionRef<void(double done, std::size_t cells)>;

// On config.threads threads; the result does not depend on how many. An error of one cell ends all.
absl::StatusOr<SimResult> Simulate(const SimConfig& config, OnSimProgress on_progress);

}  // namespace eldr::sim

#endif  // ELDR_TOOLS_SIM_SIMULATE_H_
