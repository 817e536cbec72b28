// The background part of the locality band: new centroids from recent traffic.
#ifndef ELDR_CORE_POLICY_LOCALITY_BAND_FIT_H_
#define ELDR_CORE_POLICY_LOCALITY_BAND_FIT_H_

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/background_work.h"
#include "core/policy/locality_band_window.h"
#include "core/policy/quantized_centroids.h"
#include "core/profile/vector_set.h"

namespace eldr {

// Balanced K-means with a centroid per node, aligned to the nodes.
class LocalityBandFit final : public BackgroundWork {
 public:
  // From `current`, a centroid per node, to which the new ones are matched one to one (of nodes
  // with equal ones the first is served first); if that is empty, from centroids drawn by `seed`.
  // REQUIRES: as many points as nodes or more, one or more.
  LocalityBandFit(std::vector<SignatureWindow::Vector> points, VectorSet current,
                  std::vector<std::uint64_t> ordinals, std::uint64_t seed);
  void Run() override;

  // The nodes it was made for.
  const std::vector<std::uint64_t>& ordinals() const { return ordinals_; }
  // A centroid for each of them; none if the fit failed, did not run, or was taken from before.
  std::optional<VectorSet> TakeCentroids() { return std::exchange(centroids_, std::nullopt); }
  // The same in integers.
  QuantizedCentroids TakeQuantized() { return std::move(quantized_); }

 private:
  std::vector<SignatureWindow::Vector> points_;
  VectorSet current_;
  const std::vector<std::uint64_t> ordinals_;
  const std::uint64_t seed_;
  std::optional<VectorSet> centroids_;
  QuantizedCentroids quantized_;
};

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_LOCALITY_BAND_FIT_H_
