#include "bench/prefix/engine_cache.h"

#include <algorithm>

namespace eldr::prefix {

std::size_t EngineCache::Match(absl::Span<const std::uint64_t> blocks) const {
  std::size_t matched = 0;
  while (matched < blocks.size() && Holds(blocks[matched])) ++matched;
  return matched;
}

std::vector<std::uint64_t> EngineCache::Insert(absl::Span<const std::uint64_t> blocks) {
  const auto kept = blocks.first(std::min(blocks.size(), capacity_));
  // From the last to the first, so that the head of the prompt was used last.
  for (auto block = kept.rbegin(); block != kept.rend(); ++block) {
    const auto [it, is_new] = place_.try_emplace(*block);
    if (is_new) {
      order_.push_front(*block);
    } else {
      order_.splice(order_.begin(), order_, it->second);
    }
    it->second = order_.begin();
  }
  std::vector<std::uint64_t> freed;
  while (place_.size() > capacity_) {
    freed.push_back(order_.back());
    place_.erase(order_.back());
    order_.pop_back();
  }
  return freed;
}

}  // namespace eldr::prefix
