// The KV cache of a prefill worker, as far as it decides which blocks are there.
#ifndef ELDR_BENCH_PREFIX_ENGINE_CACHE_H_
#define ELDR_BENCH_PREFIX_ENGINE_CACHE_H_

#include <cstdint>
#include <list>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"

namespace eldr::prefix {

// Holds up to `capacity` blocks and frees those that were used longest ago, of one prompt the last
// first. Not thread-safe.
class EngineCache {
 public:
  // REQUIRES: capacity > 0.
  explicit EngineCache(std::size_t capacity) : capacity_(capacity) {}

  // How many blocks at the head of the prompt are there.
  std::size_t Match(absl::Span<const std::uint64_t> blocks) const;
  // Caches the prompt's blocks and answers those that were freed for them. Of a prompt that is
  // larger than the cache, the head stays.
  std::vector<std::uint64_t> Insert(absl::Span<const std::uint64_t> blocks);
  // True if the block is there.
  bool Holds(std::uint64_t block) const { return place_.contains(block); }
  std::size_t size() const { return place_.size(); }

 private:
  using Order = std::list<std::uint64_t>;  // used last first
  const std::size_t capacity_;
  Order order_;
  absl::flat_hash_map<std::uint64_t, Order::iterator> place_;
};

}  // namespace eldr::prefix

#endif  // ELDR_BENCH_PREFIX_ENGINE_CACHE_H_
