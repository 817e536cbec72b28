#include "server/base/control_group.h"

#include <algorithm>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace eldr {
namespace {

// Version 1 says "no limit" with the largest multiple of a page; no machine has as much.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 60;

}  // namespace

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::vector<std::string> ControlGroupFolders(const std::string& root,
                                             absl::string_view controller) {
  std::vector<std::string> folders;
  std::ifstream groups(root + "/proc/self/cgroup");
  // "0::/a/b" in version 2; "4:cpu,cpuacct:/a/b" in version 1, with a mount for each controller.
  for (std::string line; std::getline(groups, line);) {
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    const std::vector<absl::string_view> controllers = absl::StrSplit(parts[1], ',');
    const bool unified = parts[1].empty();
    if (!unified && std::count(controllers.begin(), controllers.end(), controller) == 0) continue;
    const std::string mount = absl::StrCat(root, "/sys/fs/cgroup", unified ? "" : "/", parts[1]);
    std::string path = parts[2];
    while (true) {
      folders.push_back(mount + path);
      const auto slash = path.rfind('/');
      if (slash == std::string::npos) break;
      path.resize(slash);
    }
  }
  return folders;
}

std::optional<std::uint64_t> MemoryLimit(const std::string& root) {
  std::optional<std::uint64_t> least;
  for (const std::string& folder : ControlGroupFolders(root, "memory")) {
    for (const char* const file : {"/memory.max", "/memory.limit_in_bytes"}) {
      std::uint64_t limit = 0;
      if (!absl::SimpleAtoi(FirstLine(folder + file), &limit) || limit >= kNoLimit) continue;
      least = std::min(least.value_or(limit), limit);
    }
  }
  return least;
}

}  // namespace eldr
