// How many processors the process may use.
#ifndef ELDR_SERVER_BASE_PROCESSORS_H_
#define ELDR_SERVER_BASE_PROCESSORS_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace eldr {

// By its affinity, and by the CPU quota of its control group and those above it (a container's
// limit), which may be a fraction. Greater than 0. `root` is where /proc and /sys/fs/cgroup are.
double UsableProcessors(const std::string& root = "");

// What a quota allows: of the text of cpu.max ("150000 100000", "max 100000"), or of the two files
// of version 1. nullopt if there is no limit, or the text is not understood.
std::optional<double> ProcessorsOfQuota(absl::string_view quota, absl::string_view period);

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_PROCESSORS_H_
