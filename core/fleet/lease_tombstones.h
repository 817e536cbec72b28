// Which leases ended a short while ago, so that late news of them is known to be late.
#ifndef ELDR_CORE_FLEET_LEASE_TOMBSTONES_H_
#define ELDR_CORE_FLEET_LEASE_TOMBSTONES_H_

#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/base/ring_queue.h"
#include "core/base/stable_hash.h"
#include "core/fleet/decode_node.h"

namespace eldr {

// Remembers (request, node) for a while, by a hash of 64 bits: some 24 to 48 bytes each, and no
// string. Two that collide, one in 10^13 at a million, would only put off an adoption. A node is
// known by its id, so that news is late also when the node was removed and registered again. Not
// thread-safe.
class LeaseTombstones {
 public:
  explicit LeaseTombstones(absl::Duration memory) : memory_(memory) {}

  // A lease of the request on the node ended, or moved away.
  void Note(absl::string_view request_id, const DecodeNode& node, MonotonicTime now) {
    Expire(now);
    const std::uint64_t key = KeyOf(request_id, node);
    ++ends_[key];
    order_.push_back({now, key});
    if (order_.size() > kMost) DropOldest();
  }
  bool Contains(absl::string_view request_id, const DecodeNode& node, MonotonicTime now) {
    Expire(now);
    return ends_.contains(KeyOf(request_id, node));
  }
  std::size_t size() const { return order_.size(); }

  // The most that are remembered; beyond them the oldest are forgotten early.
  static constexpr std::size_t kMost = 1'000'000;

 private:
  struct Entry {
    MonotonicTime at;
    std::uint64_t key = 0;
  };

  static std::uint64_t KeyOf(absl::string_view request_id, const DecodeNode& node) {
    return Mix64(StableHash(request_id, StableHash(node.spec.node_id)));
  }
  void Expire(MonotonicTime now) {
    while (!order_.empty() && now - order_.front().at >= memory_) DropOldest();
  }
  void DropOldest() {
    const auto it = ends_.find(order_.front().key);
    if (--it->second == 0) ends_.erase(it);
    order_.pop_front();
  }

  const absl::Duration memory_;
  RingQueue<Entry> order_;
  absl::flat_hash_map<std::uint64_t, std::uint32_t> ends_;  // how many entries of a key
};

}  // namespace eldr

#endif  // ELDR_CORE_FLEET_LEASE_TOMBSTONES_H_
