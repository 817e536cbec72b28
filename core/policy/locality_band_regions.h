// Which node serves which part of the signature space.
#ifndef ELDR_CORE_POLICY_LOCALITY_BAND_REGIONS_H_
#define ELDR_CORE_POLICY_LOCALITY_BAND_REGIONS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "core/policy/policy.h"
#include "core/policy/quantized_centroids.h"
#include "core/policy/quantized_signature.h"
#include "core/policy/region_owners.h"
#include "core/profile/vector_set.h"

namespace eldr {

// A region is what is near one centroid. With as many regions as nodes each node owns one, as
// published. For a changed fleet a RegionAssignment deals them out anew; until that is done, a node
// that came owns none, and its cosine is 0.
//
// Movable. Not thread-safe; what it hands out by shared_ptr is immutable and outlives it.
class LocalityBandRegions {
 public:
  // Replaces the regions. Nobody owns any.
  void SetRegions(VectorSet centroids);
  // Replaces the regions and the nodes: node i owns region i. To quantise centroids takes a while,
  // so whoever has the time brings that along. REQUIRES: as many of all, ordinals ascending.
  void SetRegions(VectorSet centroids, QuantizedCentroids quantized,
                  std::vector<std::uint64_t> ordinals);
  // Replaces the nodes and what they own. REQUIRES: not nullptr; ordinals ascending; each node owns
  // regions that are there.
  void SetOwners(std::shared_ptr<const RegionOwners> owners);

  // All of it but the fingerprint.
  PolicyMemory Save() const;
  // Takes what Save() gave; false, with nothing changed, unless each region is a unit vector of
  // this dimension and each node owns one.
  bool Restore(PolicyMemory memory, std::size_t dimension);

  // No regions are known yet.
  bool empty() const { return centroids_->empty(); }
  const std::shared_ptr<const VectorSet>& centroids() const { return centroids_; }
  // Of the nodes as they were when regions were dealt out last.
  const std::shared_ptr<const RegionOwners>& owners() const { return owners_; }
  absl::Span<const std::uint64_t> ordinals() const { return owners_->ordinals; }
  // The regions that a node owns: at least one.
  absl::Span<const std::uint32_t> OwnedBy(std::size_t node) const { return owners_->owned[node]; }

  // Compares each node with a signature; its cosine is the greatest over its regions. All are 0 if
  // the signature is clear or there are no regions.
  void Compare(const QuantizedSignature& signature);
  // Of the signature that was compared last, in the order of ordinals(): within error() of what
  // Refine answers.
  absl::Span<const double> cosines() const { return cosines_; }
  double error() const { return error_; }
  // The cosine of a node, as exact as it gets: within 10^-4. 0 for a node that owns nothing.
  // REQUIRES: the signature that was compared last.
  double Refine(const QuantizedSignature& signature, std::uint64_t ordinal) const;

 private:
  std::shared_ptr<const VectorSet> centroids_ = std::make_shared<VectorSet>();  // by region
  std::shared_ptr<const RegionOwners> owners_ = std::make_shared<RegionOwners>();
  QuantizedCentroids quantized_;  // of centroids_
  std::vector<double> cosines_;   // by node
  double error_ = 0;              // of these
};

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_LOCALITY_BAND_REGIONS_H_
