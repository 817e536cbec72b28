// Results for people and for programs.
#ifndef ELDR_TOOLS_SIM_REPORT_H_
#define ELDR_TOOLS_SIM_REPORT_H_

#include <string>

#include "tools/sim/sim_config.h"
#include "tools/sim/simulate.h"

namespace eldr::sim {

// {"config": {...}, "results": [{"policy", "nodes", "rate", "seed", "requests", "tpot_ms": {...},
// ...}]}, an element per policy and seed. Times are in milliseconds unless a key says otherwise.
// Equal configurations give equal bytes, unless decision times are asked for.
std::string FormatJson(const SimConfig& config, const SimResult& result);

// A line per policy: means over its seeds, and the change against the best of the load balancers
// that ran, chosen per statistic.
std::string FormatTable(const SimConfig& config, const SimResult& result);

}  // namespace eldr::sim

#endif  // ELDR_TOOLS_SIM_REPORT_H_
