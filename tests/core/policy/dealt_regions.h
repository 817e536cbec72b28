// Regions and the nodes that own them, for tests.
#ifndef ELDR_TESTS_CORE_POLICY_DEALT_REGIONS_H_
#define ELDR_TESTS_CORE_POLICY_DEALT_REGIONS_H_

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "core/policy/locality_band_regions.h"
#include "core/policy/region_assignment.h"

namespace eldr {

using RegionNodes = std::vector<RegionNode>;

// A region along each axis.
inline VectorSet Axes(std::size_t count) {
  VectorSet axes(count, count);
  for (std::size_t i = 0; i < count; ++i) axes[i][i] = 1;
  return axes;
}

inline RegionNodes Idle(std::vector<std::uint64_t> ordinals) {
  RegionNodes nodes;
  for (const std::uint64_t ordinal : ordinals) nodes.push_back({ordinal, 0});
  return nodes;
}

inline std::map<std::uint64_t, std::vector<std::uint32_t>> Owners(
    const LocalityBandRegions& regions) {
  std::map<std::uint64_t, std::vector<std::uint32_t>> owners;
  for (std::size_t i = 0; i < regions.ordinals().size(); ++i) {
    owners[regions.ordinals()[i]] = {regions.OwnedBy(i).begin(), regions.OwnedBy(i).end()};
  }
  return owners;
}

// Deals the regions out to these nodes.
inline void SetNodes(LocalityBandRegions& regions, const RegionNodes& nodes) {
  RegionAssignment assignment(regions.centroids(), regions.owners(), nodes);
  assignment.Run();
  regions.SetOwners(assignment.owners());
}

inline LocalityBandRegions Regions(VectorSet centroids, const RegionNodes& nodes) {
  LocalityBandRegions regions;
  regions.SetRegions(std::move(centroids));
  SetNodes(regions, nodes);
  return regions;
}

}  // namespace eldr

#endif  // ELDR_TESTS_CORE_POLICY_DEALT_REGIONS_H_
