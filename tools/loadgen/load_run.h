// A whole run: model, nodes, load, and everything gone again.
#ifndef ELDR_TOOLS_LOADGEN_LOAD_RUN_H_
#define ELDR_TOOLS_LOADGEN_LOAD_RUN_H_

#include <cstdint>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/loadgen/load_options.h"
#include "tools/loadgen/own_fleet.h"
#include "tools/loadgen/traffic.h"

namespace eldr::loadgen {

// Of the daemon's process, while the load was measured.
struct ServerUsage {
  absl::Duration cpu_per_call;       // calls of all kinds, heartbeats left out
  double cores = 0;                  // CPU time per time
  std::uint64_t resident_start = 0;  // bytes
  std::uint64_t resident_most = 0;
  std::uint64_t resident_end = 0;
};

struct LoadResult {
  TrafficResult traffic;
  std::optional<ServerUsage> server;
  OwnFleet::Counts fleet;
  bool interrupted = false;
  // Of the model, of whomever, when this run's were released and its nodes still there.
  std::uint64_t leases_left = 0;
  // Leases and nodes that could not be cleaned up, if any.
  absl::Status clean_up;
};

// Runs it. `on_progress` is called every 100 ms or more often; false interrupts. Errors are those
// of the set-up: UNAVAILABLE if the daemon does not answer, NOT_FOUND if there is no process
// `server_pid`, INVALID_ARGUMENT for a trace that does not fit the model.
absl::StatusOr<LoadResult> RunLoad(LoadOptions options,
                                   absl::FunctionRef<bool(const TrafficProgress&)> on_progress);

}  // namespace eldr::loadgen

#endif  // ELDR_TOOLS_LOADGEN_LOAD_RUN_H_
