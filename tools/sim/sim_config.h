// What eldr-sim is asked to run.
#ifndef ELDR_TOOLS_SIM_SIM_CONFIG_H_
#define ELDR_TOOLS_SIM_SIM_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/engines/response_body.h"
#include "core/policy/policy_settings.h"
#include "tools/replay/replay.h"
#include "tools/replay/workload.h"
#include "tools/sim/arrival_process.h"
#include "tools/sim/domain_mix.h"

namespace eldr::sim {

// How requests and their signatures are drawn.
struct TrafficConfig {
  double rate = 24;  // requests per second over all starting nodes
  ArrivalKind arrivals = ArrivalKind::kPoisson;
  double coefficient_of_variation = 1;  // of the gaps, for kGamma
  std::string arrivals_file;            // for kFile
  replay::OutputLength output;
  bool output_from_file = false;
  MixKind mix = MixKind::kTrace;
  std::optional<MixDrift> drift;  // for kDrift
  bool random_repeat_start = false;
  // Of the requests that are not for calibration, the share that is replayed.
  double pool_share = 1;
  double missing_signatures = 0;  // shares of the requests
  double late_signatures = 0;
};

struct SimConfig {
  std::string trace;
  std::uint32_t signature_tokens = 64;
  std::uint32_t experts = 0;          // 0: as the trace shows
  engines::ResponseOptions response;  // if the trace is responses of an engine
  double calibration_share = 0.5;
  std::string profile;  // a file; empty: fitted

  std::vector<std::string> policies = {"residency", "least_loaded"};
  std::uint64_t seed = 1;
  std::uint32_t seeds = 1;  // further seeds count up from `seed`
  // Of the policies that take them; `policy` is not used. Its step_time is what they believe.
  PolicySettings settings;

  TrafficConfig traffic;
  replay::ReplayOptions replay;
  std::string scenario;  // the file it was read from

  std::uint32_t threads = 2;
  bool time_decisions = false;
};

}  // namespace eldr::sim

#endif  // ELDR_TOOLS_SIM_SIM_CONFIG_H_
