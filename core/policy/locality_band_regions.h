// Which node serves which part of the signature space.
#ifndef ELDR_CORE_POLICY_LOCALITY_BAND_REGIONS_H_
#define ELDR_CORE_POLICY_LOCALITY_BAND_REGIONS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "core/policy/policy.h"
#include "core/policy/quantized_centroids.h"
#include "core/policy/quantized_signature.h"
#include "core/profile/vector_set.h"

namespace eldr {

// A region is what is near one centroid. With as many regions as nodes each node owns one, as
// published. A changed fleet is dealt with at once, moving as few regions as possible, until a fit
// gives each node its own again:
//   - the regions of a node that left go to nodes without any, else to the nodes nearest to them;
//   - a new node takes such a region, else half the regions of the node with the most, else it
//     shares the region of the most load;
//   - no other node's regions change.
//
// Not thread-safe.
class LocalityBandRegions {
 public:
  struct Node {
    std::uint64_t ordinal = 0;
    std::uint32_t load = 0;
  };

  // Replaces the regions. Nobody owns any, so the next SetNodes deals them out in order.
  void SetRegions(VectorSet centroids);
  // Replaces the regions and the nodes: node i owns region i. To quantise centroids takes a while,
  // so whoever has the time brings that along. REQUIRES: as many of all, ordinals ascending.
  void SetRegions(VectorSet centroids, QuantizedCentroids quantized,
                  std::vector<std::uint64_t> ordinals);
  // Replaces the nodes. No nodes at all change nothing: whoever comes back finds its regions.
  // REQUIRES: ordinals ascending.
  void SetNodes(absl::Span<const Node> nodes);

  // All of it but the fingerprint.
  PolicyMemory Save() const;
  // Takes what Save() gave; false, with nothing changed, unless each region is a unit vector of
  // this dimension and each node owns one.
  bool Restore(PolicyMemory memory, std::size_t dimension);

  // No regions are known yet.
  bool empty() const { return centroids_.empty(); }
  absl::Span<const std::uint64_t> ordinals() const { return ordinals_; }
  // The regions that a node owns: at least one, unless there are none.
  absl::Span<const std::uint32_t> OwnedBy(std::size_t node) const { return owned_[node]; }
  // For each node its one centroid: the normalised mean of those of its regions. REQUIRES: not
  // empty().
  VectorSet NodeCentroids() const;

  // Compares each node with a signature; its cosine is the greatest over its regions. All are 0 if
  // the signature is clear or there are no regions.
  void Compare(const QuantizedSignature& signature);
  // Of the signature that was compared last, in the order of ordinals(): within error() of what
  // Refine answers.
  absl::Span<const double> cosines() const { return cosines_; }
  double error() const { return error_; }
  // The cosine of a node, as exact as it gets: within 10^-4. 0 for a node that is not there.
  // REQUIRES: the signature that was compared last.
  double Refine(const QuantizedSignature& signature, std::uint64_t ordinal) const;

 private:
  using Owned = std::vector<std::uint32_t>;

  std::vector<std::uint32_t> CountOwners() const;
  // Each of these is one of the steps above.
  void ReleaseShared();
  void GiveUnowned();
  void AdoptUnowned();
  void SupplyEmpty(absl::Span<const Node> nodes);
  // Moves half of the regions of a node, a coherent half, to one without any.
  void Split(Owned& from, Owned& to) const;
  std::uint32_t RegionOfMostLoad(absl::Span<const Node> nodes) const;
  float Distance(std::uint32_t a, std::uint32_t b) const;

  VectorSet centroids_;                  // by region
  std::vector<std::uint64_t> ordinals_;  // of the nodes, ascending
  std::vector<Owned> owned_;             // by node
  QuantizedCentroids quantized_;         // of them
  std::vector<double> cosines_;          // by node
  double error_ = 0;                     // of these
};

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_LOCALITY_BAND_REGIONS_H_
