// Counts durations in buckets of nearly equal relative width.
#ifndef ELDR_TOOLS_LOADGEN_HISTOGRAM_H_
#define ELDR_TOOLS_LOADGEN_HISTOGRAM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace eldr::loadgen {

// As HDR histograms do: exact below 256 ns, above it 128 buckets per power of two, so that what it
// answers is never too low and at most 0.8 % too high, whatever the range. 58 KiB; recording
// allocates nothing. No library of the distribution has one for C++. Not thread-safe.
class Histogram {
 public:
  Histogram();

  // Negative durations count as 0.
  void Record(absl::Duration value);

  std::uint64_t count() const { return count_; }
  // Of what was recorded; 0 if nothing was. `max` is exact.
  absl::Duration max() const { return max_; }
  absl::Duration Mean() const;
  // What `percent` of the values are at most, by nearest rank; 0 if nothing was recorded.
  // REQUIRES: 0 <= percent <= 100.
  absl::Duration Percentile(double percent) const;

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  absl::Duration sum_;
  absl::Duration max_;
};

}  // namespace eldr::loadgen

#endif  // ELDR_TOOLS_LOADGEN_HISTOGRAM_H_
