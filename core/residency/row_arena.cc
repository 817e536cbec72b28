#include "core/residency/row_arena.h"

#include <algorithm>

namespace eldr {
namespace {

constexpr std::size_t kFirstRows = 16;

}  // namespace

std::byte* RowArena::Take() {
  if (free_.empty()) {
    const std::size_t added = std::max(rows_, kFirstRows);
    rows_ += added;
    AlignedVector<std::byte>& chunk = chunks_.emplace_back();
    chunk.reserve(added * row_bytes_);
    free_.reserve(rows_);  // so that Give never allocates
    for (std::size_t i = added; i-- > 0;) free_.push_back(chunk.data() + i * row_bytes_);
  }
  std::byte* const row = free_.back();
  free_.pop_back();
  return row;
}

}  // namespace eldr
