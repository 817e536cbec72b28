// The background part of the locality band for a changed fleet: who owns which region now.
#ifndef ELDR_CORE_POLICY_REGION_ASSIGNMENT_H_
#define ELDR_CORE_POLICY_REGION_ASSIGNMENT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "core/base/background_work.h"
#include "core/policy/region_owners.h"
#include "core/profile/vector_set.h"

namespace eldr {

// Deals regions out to the nodes of a changed fleet, moving as few as possible, until a fit gives
// each node its own again:
//   - the regions of a node that left go to nodes without any, else to the nodes nearest to them;
//   - a new node takes such a region, else half the regions of the node with the most, else it
//     shares the region of the most load;
//   - no other node's regions change.
// Afterwards each node owns a region, and each region has an owner.
//
// Only the regions that lost their owner are compared with others: for each node that leaves, as
// many comparisons as there are regions.
class RegionAssignment final : public BackgroundWork {
 public:
  // Both are immutable, so that placements go on with them meanwhile. REQUIRES: at least one
  // centroid and one node; ordinals ascending.
  RegionAssignment(std::shared_ptr<const VectorSet> centroids,
                   std::shared_ptr<const RegionOwners> before, std::vector<RegionNode> nodes);
  void Run() override;

  // What it deals out.
  const std::shared_ptr<const VectorSet>& centroids() const { return centroids_; }
  // nullptr before it has run.
  const std::shared_ptr<const RegionOwners>& owners() const { return result_; }
  // How many pairs of centroids it compared.
  std::size_t comparisons() const { return comparisons_; }

 private:
  using Owned = std::vector<std::uint32_t>;

  std::vector<std::uint32_t> CountOwners() const;
  // Each of these is one of the steps above.
  void KeepThoseThatStay();
  void ReleaseShared();
  void GiveUnowned();
  void AdoptUnowned();
  void SupplyEmpty();
  // Moves half of the regions of a node, a coherent half, to one without any.
  void Split(Owned& from, Owned& to);
  std::uint32_t RegionOfMostLoad() const;
  float Distance(std::uint32_t a, std::uint32_t b);

  const std::shared_ptr<const VectorSet> centroids_;
  const std::shared_ptr<const RegionOwners> before_;
  const std::vector<RegionNode> nodes_;
  std::vector<Owned> owned_;  // by node
  std::size_t comparisons_ = 0;
  std::shared_ptr<const RegionOwners> result_;
};

// For each node its one centroid: the normalised mean of those of its regions. REQUIRES: centroids,
// and regions for each node.
VectorSet NodeCentroids(const VectorSet& centroids, const RegionOwners& owners);

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_REGION_ASSIGNMENT_H_
