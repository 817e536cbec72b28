// The command line of eldr-sim.
#ifndef ELDR_TOOLS_SIM_SIM_FLAGS_H_
#define ELDR_TOOLS_SIM_SIM_FLAGS_H_

#include <optional>
#include <string>
#include <vector>

#include "tools/sim/sim_config.h"

namespace eldr::sim {

struct SimFlags {
  SimConfig config;
  std::vector<std::string> replay;  // event logs; empty: a simulation
  bool json = false;
  bool quiet = false;
};

// Nothing, with the exit code set, if the program is done: after --help (0) or an error (2), which
// is printed and names the flag, its value and what was expected.
std::optional<SimFlags> ParseSimFlags(int argc, char** argv, int* exit_code);

}  // namespace eldr::sim

#endif  // ELDR_TOOLS_SIM_SIM_FLAGS_H_
