// Whether a request fits on a node.
#ifndef ELDR_CORE_BOOKS_ROOM_H_
#define ELDR_CORE_BOOKS_ROOM_H_

#include <cstdint>

#include "core/fleet/decode_node.h"
#include "core/fleet/expert_group.h"

namespace eldr {

// What a request takes of a node.
struct Demand {
  std::uint32_t sequences = 1;
  std::uint64_t context_tokens = 0;
  std::uint64_t kv_tokens = 0;  // context plus expected output
};

// The most tokens of one request that a node decodes in a step: its sequences times the node's
// tokens_per_step. Engines bound the tokens of a whole step about there.
inline constexpr std::uint64_t kMaxRequestTokensPerStep = 8192;

enum class Room : std::uint8_t {
  kEnough,
  kNoCapacity,  // of leases, or of tokens per step
  kNoKv,
};

inline Room RoomFor(const Demand& demand, const DecodeNode& node) {
  const NodeSpec& spec = node.spec;
  const bool full = spec.capacity > 0 && node.leases >= spec.capacity;
  const std::uint64_t weight = std::uint64_t{demand.sequences} * spec.tokens_per_step;
  if (full || weight > kMaxRequestTokensPerStep || !node.group->residency.Fits(weight)) {
    return Room::kNoCapacity;
  }
  const bool no_kv =
      spec.kv_capacity_tokens > 0 && node.kv_tokens + demand.kv_tokens > spec.kv_capacity_tokens;
  return no_kv ? Room::kNoKv : Room::kEnough;
}

}  // namespace eldr

#endif  // ELDR_CORE_BOOKS_ROOM_H_
