#include "server/base/processors.h"

#include <sched.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace eldr {
namespace {

double AllowedByAffinity() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
    return std::max(CPU_COUNT(&allowed), 1);
  }
  return std::max(std::thread::hardware_concurrency(), 1u);  // more than a set holds
}

// The first line; empty if there is none.
std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::optional<double> QuotaOf(const std::string& folder) {
  const std::vector<std::string> max =
      absl::StrSplit(FirstLine(folder + "/cpu.max"), ' ', absl::SkipEmpty());
  if (max.size() == 2) return ProcessorsOfQuota(max[0], max[1]);
  return ProcessorsOfQuota(FirstLine(folder + "/cpu.cfs_quota_us"),
                           FirstLine(folder + "/cpu.cfs_period_us"));
}

// The least that the group at `path` below `mount` and those above it allow. A container sees its
// own group as the root, whatever path it is told.
std::optional<double> LeastQuota(const std::string& mount, std::string path) {
  std::optional<double> least;
  while (true) {
    const std::optional<double> quota = QuotaOf(mount + path);
    if (quota && (!least || *quota < *least)) least = quota;
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return least;
    path.resize(slash);
  }
}

}  // namespace

std::optional<double> ProcessorsOfQuota(absl::string_view quota, absl::string_view period) {
  std::int64_t allowed = 0, of = 0;
  if (!absl::SimpleAtoi(quota, &allowed) || !absl::SimpleAtoi(period, &of)) return std::nullopt;
  if (allowed <= 0 || of <= 0) return std::nullopt;  // version 1 says -1 for none
  return static_cast<double>(allowed) / static_cast<double>(of);
}

double UsableProcessors(const std::string& root) {
  double usable = AllowedByAffinity();
  std::ifstream groups(root + "/proc/self/cgroup");
  // "0::/a/b" in version 2; "4:cpu,cpuacct:/a/b" in version 1, with a mount for each controller.
  for (std::string line; std::getline(groups, line);) {
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    const std::vector<absl::string_view> controllers = absl::StrSplit(parts[1], ',');
    const bool unified = parts[1].empty();
    if (!unified && std::count(controllers.begin(), controllers.end(), "cpu") == 0) continue;
    const std::string mount = absl::StrCat(root, "/sys/fs/cgroup", unified ? "" : "/", parts[1]);
    if (const std::optional<double> quota = LeastQuota(mount, parts[2])) {
      usable = std::min(usable, *quota);
    }
  }
  return usable;
}

}  // namespace eldr
