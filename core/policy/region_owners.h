// Which node owns which regions of the signature space, as plain data.
#ifndef ELDR_CORE_POLICY_REGION_OWNERS_H_
#define ELDR_CORE_POLICY_REGION_OWNERS_H_

#include <cstdint>
#include <vector>

namespace eldr {

// A node that takes placements, as it stood when the fleet changed.
struct RegionNode {
  std::uint64_t ordinal = 0;
  std::uint32_t load = 0;  // sequences
};

struct RegionOwners {
  std::vector<std::uint64_t> ordinals;            // of the nodes, ascending
  std::vector<std::vector<std::uint32_t>> owned;  // regions, by node
};

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_REGION_OWNERS_H_
