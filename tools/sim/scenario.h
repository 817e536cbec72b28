// Scenarios: what happens during a simulation, as YAML.
#ifndef ELDR_TOOLS_SIM_SCENARIO_H_
#define ELDR_TOOLS_SIM_SCENARIO_H_

#include <string>

#include "absl/status/status.h"
#include "tools/sim/sim_config.h"

namespace eldr::sim {

// Sets in `config` what the text names (tools/sim/scenarios/README.md lists the keys); the rest
// stays. INVALID_ARGUMENT, naming the line, the key, its value and what was expected, if a key is
// unknown or a value malformed.
absl::Status ParseScenario(const std::string& yaml, SimConfig& config);

// The same from a file; errors start with its path.
absl::Status ReadScenario(const std::string& path, SimConfig& config);

}  // namespace eldr::sim

#endif  // ELDR_TOOLS_SIM_SCENARIO_H_
