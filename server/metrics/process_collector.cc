#include "server/metrics/process_collector.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "server/metrics/single_metric.h"

namespace eldr {
namespace {

// The fields of /proc/self/stat from the third on: the second, the program's name in parentheses,
// may hold blanks.
std::vector<std::string> StatFields() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  const auto name_end = text.rfind(") ");
  if (name_end == std::string::npos) return {};
  return absl::StrSplit(text.substr(name_end + 2), ' ');
}

// When the machine started, in seconds since 1970; 0 if that is not told.
double BootTime() {
  std::ifstream file("/proc/stat");
  std::string line;
  while (std::getline(file, line)) {
    double seconds = 0;
    if (line.rfind("btime ", 0) == 0 && absl::SimpleAtod(line.substr(6), &seconds)) return seconds;
  }
  return 0;
}

void AddTimes(std::vector<prometheus::MetricFamily>& families) {
  rusage used{};
  if (getrusage(RUSAGE_SELF, &used) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    families.push_back(SingleCounter("process_cpu_seconds_total",
                                     "Processor time used, by the program and for it.",
                                     seconds(used.ru_utime) + seconds(used.ru_stime)));
  }
  constexpr std::size_t kStartTicks = 22 - 3;
  const std::vector<std::string> fields = StatFields();
  double ticks = 0;
  const double boot = BootTime();
  if (boot > 0 && fields.size() > kStartTicks && absl::SimpleAtod(fields[kStartTicks], &ticks)) {
    families.push_back(SingleGauge("process_start_time_seconds",
                                   "When it started, in seconds since 1970.",
                                   boot + ticks / static_cast<double>(sysconf(_SC_CLK_TCK))));
  }
}

void AddMemory(std::vector<prometheus::MetricFamily>& families) {
  std::ifstream file("/proc/self/statm");
  double pages = 0, resident = 0;
  if (!(file >> pages >> resident)) return;
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  families.push_back(
      SingleGauge("process_virtual_memory_bytes", "Address space taken.", pages * page));
  families.push_back(
      SingleGauge("process_resident_memory_bytes", "Memory in use.", resident * page));
}

void AddFiles(std::vector<prometheus::MetricFamily>& families) {
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  if (!error) {
    families.push_back(SingleGauge("process_open_fds", "Open files, connections included.",
                                   static_cast<double>(std::distance(begin(files), end(files)))));
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    families.push_back(SingleGauge("process_max_fds", "The most files that may be open.",
                                   static_cast<double>(limit.rlim_cur)));
  }
}

}  // namespace

std::vector<prometheus::MetricFamily> ProcessCollector::Collect() const {
  std::vector<prometheus::MetricFamily> families;
  AddTimes(families);
  AddMemory(families);
  AddFiles(families);
  return families;
}

}  // namespace eldr
