// Memory for rows of one size that are read one after the other.
#ifndef ELDR_CORE_RESIDENCY_ROW_ARENA_H_
#define ELDR_CORE_RESIDENCY_ROW_ARENA_H_

#include <cstddef>
#include <vector>

#include "core/base/aligned_vector.h"

namespace eldr {

// Hands out rows, first those next to each other, so that whoever reads all of them in the order in
// which they were taken reads memory in order: a processor foresees that, even across rows. Rows
// that come back are handed out again, the latest first. Each starts on a cache line. Not
// thread-safe.
class RowArena {
 public:
  // REQUIRES: `row_bytes` is a multiple of kCacheLineBytes.
  explicit RowArena(std::size_t row_bytes) : row_bytes_(row_bytes) {}
  RowArena(const RowArena&) = delete;
  RowArena& operator=(const RowArena&) = delete;

  // A row of any content.
  std::byte* Take();
  // Takes back what Take gave.
  void Give(std::byte* row) { free_.push_back(row); }

 private:
  const std::size_t row_bytes_;
  std::size_t rows_ = 0;
  std::vector<std::byte*> free_;
  // Each holds as many rows as those before it together, so that there are few. Reserved rather
  // than filled: memory that no row uses stays the system's.
  std::vector<AlignedVector<std::byte>> chunks_;
};

}  // namespace eldr

#endif  // ELDR_CORE_RESIDENCY_ROW_ARENA_H_
