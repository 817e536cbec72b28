// Compares the cost of pieces of code on a noisy machine.
#ifndef ELDR_BENCH_MICRO_INTERLEAVED_H_
#define ELDR_BENCH_MICRO_INTERLEAVED_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"

namespace eldr {

// One of the things compared. `run` does it `calls` times.
struct Contender {
  std::size_t calls = 1;
  absl::AnyInvocable<void()> run;
};

// CPU time of the calling thread since it began.
double ThreadCpuSeconds();
// The upper one of an even number. REQUIRES: there are any.
double Median(std::vector<double> values);

// Other tenants slow a machine down for seconds at a time, by up to a factor of two, so that
// figures of different moments can not be compared. Here the contenders take turns in short
// batches; a ratio is taken within each round, and the median of the rounds' ratios is what holds.
class Interleaved {
 public:
  // Runs all contenders once per round, after one round that does not count.
  Interleaved(std::vector<Contender> contenders, std::size_t rounds);

  // The median over the rounds of the CPU seconds of one call.
  double Seconds(std::size_t contender) const;
  // The median over the rounds of the ratio of two contenders' calls.
  double Ratio(std::size_t contender, std::size_t yardstick) const;

 private:
  std::vector<std::vector<double>> seconds_;  // by contender and round, of one call
};

}  // namespace eldr

#endif  // ELDR_BENCH_MICRO_INTERLEAVED_H_
