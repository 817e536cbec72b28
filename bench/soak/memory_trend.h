// Whether a process's memory stays flat.
#ifndef ELDR_BENCH_SOAK_MEMORY_TREND_H_
#define ELDR_BENCH_SOAK_MEMORY_TREND_H_

#include <cstdint>
#include <vector>

namespace eldr {

// Resident bytes in the order they were looked at, evenly over time.
class MemoryTrend {
 public:
  void Add(std::uint64_t resident_bytes) { samples_.push_back(resident_bytes); }

  bool empty() const { return samples_.empty(); }
  // The median of the first tenth, and of the last. REQUIRES: not empty.
  std::uint64_t First() const;
  std::uint64_t Last() const;
  std::uint64_t Most() const;
  // True unless the last is more than a tenth and more than 16 MiB above the first. A leak of 100
  // bytes per placement shows within the ten minutes of a soak; what an allocator keeps does not.
  bool Flat() const;

 private:
  std::vector<std::uint64_t> samples_;
};

}  // namespace eldr

#endif  // ELDR_BENCH_SOAK_MEMORY_TREND_H_
