// What differs between two configurations of the daemon.
#ifndef ELDR_CLIENT_CTL_CONFIG_DIFF_H_
#define ELDR_CLIENT_CTL_CONFIG_DIFF_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace eldr::ctl {

// A line for each key whose value is another one, "limits.calls: 16384 -> 1000", in the order of
// `before`, then of what `after` alone has; "-" stands for a key that is not there. Both are YAML
// as `eldrd --print-config` writes it: every key on a line of its own.
std::vector<std::string> DiffPrintedConfigs(absl::string_view before, absl::string_view after);

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_CONFIG_DIFF_H_
