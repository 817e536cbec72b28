// The background part of the locality band: new centroids from recent traffic.
#ifndef ELDR_CORE_POLICY_LOCALITY_BAND_FIT_H_
#define ELDR_CORE_POLICY_LOCALITY_BAND_FIT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/background_work.h"
#include "core/policy/locality_band_regions.h"
#include "core/policy/locality_band_window.h"
#include "core/policy/region_owners.h"
#include "core/profile/vector_set.h"

namespace eldr {

// Balanced K-means with a centroid per node, aligned to the nodes.
class LocalityBandFit final : public BackgroundWork {
 public:
  // From the mean of the regions that each node owns, to which the new ones are matched one to one
  // (of nodes with equal ones the first is served first); if there are no centroids yet, from such
  // as are drawn by `seed`. REQUIRES: as many points as nodes or more, one or more; if there are
  // centroids, `owners` are of these nodes.
  LocalityBandFit(std::vector<SignatureWindow::Vector> points,
                  std::shared_ptr<const VectorSet> centroids,
                  std::shared_ptr<const RegionOwners> owners, std::vector<std::uint64_t> ordinals,
                  std::uint64_t seed);
  void Run() override;

  // The nodes it was made for.
  const std::vector<std::uint64_t>& ordinals() const { return ordinals_; }
  // A region for each of them; none if the fit failed or did not run. To be exchanged with those in
  // force, so that they are freed with the work, not under a lock.
  std::optional<LocalityBandRegions>& regions() { return regions_; }

 private:
  std::vector<SignatureWindow::Vector> points_;
  const std::shared_ptr<const VectorSet> centroids_;
  const std::shared_ptr<const RegionOwners> owners_;
  const std::vector<std::uint64_t> ordinals_;
  const std::uint64_t seed_;
  std::optional<LocalityBandRegions> regions_;
};

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_LOCALITY_BAND_FIT_H_
