#include "server/base/processors.h"

#include <sched.h>

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "server/base/control_group.h"

namespace eldr {
namespace {

double AllowedByAffinity() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
    return std::max(CPU_COUNT(&allowed), 1);
  }
  return std::max(std::thread::hardware_concurrency(), 1u);  // more than a set holds
}

std::optional<double> QuotaOf(const std::string& folder) {
  const std::vector<std::string> max =
      absl::StrSplit(FirstLine(folder + "/cpu.max"), ' ', absl::SkipEmpty());
  if (max.size() == 2) return ProcessorsOfQuota(max[0], max[1]);
  return ProcessorsOfQuota(FirstLine(folder + "/cpu.cfs_quota_us"),
                           FirstLine(folder + "/cpu.cfs_period_us"));
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
  for (const std::string& folder : ControlGroupFolders(root, "cpu")) {
    if (const std::optional<double> quota = QuotaOf(folder)) usable = std::min(usable, *quota);
  }
  return usable;
}

}  // namespace eldr
