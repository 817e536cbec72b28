// A simulation that is over in a moment.
#ifndef ELDR_TESTS_TOOLS_SIM_SMALL_CONFIG_H_
#define ELDR_TESTS_TOOLS_SIM_SMALL_CONFIG_H_

#include "absl/time/time.h"
#include "tools/sim/sim_config.h"

namespace eldr::sim {

inline SimConfig SmallConfig() {
  SimConfig config;
  config.trace = ELDR_TEST_TRACE;
  config.replay.nodes = 4;
  config.replay.warmup = absl::Seconds(2);
  config.replay.duration = absl::Seconds(10);
  config.traffic.rate = 12;
  config.traffic.output.tokens = 48;
  return config;
}

}  // namespace eldr::sim

#endif  // ELDR_TESTS_TOOLS_SIM_SMALL_CONFIG_H_
