#include "tools/loadgen/process_usage.h"

#include <unistd.h>

#include <ctime>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace eldr::loadgen {

absl::StatusOr<ProcessUsage> UsageOf(pid_t pid) {
  // The scheduler's own clock of the process: in nanoseconds, where /proc/PID/stat has ticks, and
  // of all threads, where /proc/PID/schedstat has one.
  clockid_t clock = 0;
  timespec cpu{};
  std::ifstream statm(absl::StrCat("/proc/", pid, "/statm"));
  std::uint64_t pages = 0;
  std::uint64_t resident_pages = 0;
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &cpu) != 0 ||
      !(statm >> pages >> resident_pages)) {
    return absl::NotFoundError(absl::StrCat("process ", pid, ": there is none"));
  }
  return ProcessUsage{
      .cpu = absl::DurationFromTimespec(cpu),
      .resident_bytes = resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))};
}

}  // namespace eldr::loadgen
