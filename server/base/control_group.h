// The control groups that bound what the process may use: those of a container, for example.
#ifndef ELDR_SERVER_BASE_CONTROL_GROUP_H_
#define ELDR_SERVER_BASE_CONTROL_GROUP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace eldr {

// The folders, of version 2 or 1, of the process' own group and of those above it, for a controller
// such as "cpu". A container sees its own group as the root, whatever path it is told; so some of
// the folders may not be there. `root` is where /proc and /sys/fs/cgroup are.
std::vector<std::string> ControlGroupFolders(const std::string& root, absl::string_view controller);

// The first line of a file; empty if there is none.
std::string FirstLine(const std::string& path);

// The most memory that the process may use by its control groups, in bytes; nullopt if there is no
// limit.
std::optional<std::uint64_t> MemoryLimit(const std::string& root = "");

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_CONTROL_GROUP_H_
