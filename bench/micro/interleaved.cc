#include "bench/micro/interleaved.h"

#include <algorithm>
#include <ctime>

namespace eldr {

double ThreadCpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Interleaved::Interleaved(std::vector<Contender> contenders, std::size_t rounds)
    : seconds_(contenders.size()) {
  for (std::size_t round = 0; round <= rounds; ++round) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      const double start = ThreadCpuSeconds();
      contenders[i].run();
      const double took = ThreadCpuSeconds() - start;
      if (round > 0) seconds_[i].push_back(took / static_cast<double>(contenders[i].calls));
    }
  }
}

double Interleaved::Seconds(std::size_t contender) const { return Median(seconds_[contender]); }

double Interleaved::Ratio(std::size_t contender, std::size_t yardstick) const {
  std::vector<double> ratios = seconds_[contender];
  for (std::size_t round = 0; round < ratios.size(); ++round) {
    ratios[round] /= seconds_[yardstick][round];
  }
  return Median(std::move(ratios));
}

}  // namespace eldr
