// The table that compares the policies.
#ifndef ELDR_TOOLS_DEMO_POLICY_TABLE_H_
#define ELDR_TOOLS_DEMO_POLICY_TABLE_H_

#include <string>
#include <vector>

#include "tools/replay/replay_result.h"

namespace eldr::demo {

struct PolicyRow {
  std::string policy;
  replay::ReplayResult result;
};

// One line per policy, with its changes against least_loaded where that is one of them.
std::string FormatPolicyTable(const std::vector<PolicyRow>& rows);

}  // namespace eldr::demo

#endif  // ELDR_TOOLS_DEMO_POLICY_TABLE_H_
