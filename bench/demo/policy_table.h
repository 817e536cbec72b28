// The table that compares the policies.
#ifndef ELDR_BENCH_DEMO_POLICY_TABLE_H_
#define ELDR_BENCH_DEMO_POLICY_TABLE_H_

#include <string>
#include <vector>

#include "bench/replay/replay_result.h"

namespace eldr::demo {

struct PolicyRow {
  std::string policy;
  replay::ReplayResult result;
};

// One line per policy, with its changes against least_loaded where that is one of them.
std::string FormatPolicyTable(const std::vector<PolicyRow>& rows);

}  // namespace eldr::demo

#endif  // ELDR_BENCH_DEMO_POLICY_TABLE_H_
