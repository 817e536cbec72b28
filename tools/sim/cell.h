// One cell of the results: a policy under a seed.
#ifndef ELDR_TOOLS_SIM_CELL_H_
#define ELDR_TOOLS_SIM_CELL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/replay/placement_backend.h"
#include "tools/replay/replay.h"
#include "tools/sim/arrival_process.h"
#include "tools/sim/seed_setup.h"
#include "tools/sim/sim_config.h"

namespace eldr::sim {

struct CellResult {
  std::string policy;
  std::uint64_t seed = 1;
  std::size_t pool = 0;         // distinct requests replayed
  std::size_t calibration = 0;  // requests kept apart
  std::size_t fitted_on = 0;    // of a policy that wants a fit
  bool fitted_in_sample = false;
  replay::ReplayResult replay;
  replay::TimeSummary decision_time;  // if asked for
};

// The daemon's policies, residency_oracle and domain.
std::vector<std::string> SimPolicyNames();
// INVALID_ARGUMENT, with the names that are known.
absl::Status CheckPolicyName(absl::string_view policy);

// The policies and replay options that `config` asks for, checked before anything runs.
absl::Status CheckConfig(const SimConfig& config);

// What places the requests of a policy: a router of its own. REQUIRES: a policy that
// CheckPolicyName knows.
absl::StatusOr<std::unique_ptr<replay::PlacementBackend>> MakeBackend(const SimConfig& config,
                                                                      const replay::Trace& trace,
                                                                      const SeedSetup& setup,
                                                                      const std::string& policy);

// Equal arguments give equal results, whatever runs at the same time. Errors name the policy and
// the seed.
absl::StatusOr<CellResult> RunCell(const SimConfig& config, const replay::Trace& trace,
                                   const std::vector<RecordedArrival>& record,
                                   const SeedSetup& setup, const std::string& policy,
                                   replay::OnProgress on_progress);

}  // namespace eldr::sim

#endif  // ELDR_TOOLS_SIM_CELL_H_
