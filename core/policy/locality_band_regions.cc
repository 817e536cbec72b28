#include "core/policy/locality_band_regions.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace eldr {
namespace {

double SquaredNorm(absl::Span<const float> vector) {
  double sum = 0;
  for (const float value : vector) sum += double{value} * value;
  return sum;
}

}  // namespace

void LocalityBandRegions::SetRegions(VectorSet centroids) {
  QuantizedCentroids quantized(centroids);
  SetRegions(std::move(centroids), std::move(quantized), {});
}

void LocalityBandRegions::SetRegions(VectorSet centroids, QuantizedCentroids quantized,
                                     std::vector<std::uint64_t> ordinals) {
  centroids_ = std::make_shared<const VectorSet>(std::move(centroids));
  quantized_ = std::move(quantized);
  auto owners = std::make_shared<RegionOwners>();
  owners->ordinals = std::move(ordinals);
  for (std::uint32_t i = 0; i < owners->ordinals.size(); ++i) owners->owned.push_back({i});
  SetOwners(std::move(owners));
}

void LocalityBandRegions::SetOwners(std::shared_ptr<const RegionOwners> owners) {
  owners_ = std::move(owners);
  cosines_.assign(owners_->ordinals.size(), 0);
}

PolicyMemory LocalityBandRegions::Save() const {
  return {0, *centroids_, owners_->ordinals, owners_->owned};
}

bool LocalityBandRegions::Restore(PolicyMemory memory, std::size_t dimension) {
  const std::vector<std::uint64_t>& ordinals = memory.ordinals;
  // Strictly ascending: no pair that is not.
  const bool ascending = std::adjacent_find(ordinals.begin(), ordinals.end(),
                                            std::greater_equal<>()) == ordinals.end();
  bool sound = !memory.centroids.empty() && memory.centroids.dimension() == dimension &&
               memory.owned.size() == ordinals.size() && ascending;
  for (std::size_t region = 0; sound && region < memory.centroids.size(); ++region) {
    // Written so that a NaN fails too.
    sound = std::abs(SquaredNorm(memory.centroids[region]) - 1) < 1e-2;
  }
  for (const std::vector<std::uint32_t>& regions : memory.owned) {
    sound = sound && !regions.empty() &&
            std::all_of(regions.begin(), regions.end(),
                        [&](std::uint32_t region) { return region < memory.centroids.size(); });
  }
  if (!sound) return false;
  SetRegions(std::move(memory.centroids));
  SetOwners(std::make_shared<RegionOwners>(
      RegionOwners{std::move(memory.ordinals), std::move(memory.owned)}));
  return true;
}

void LocalityBandRegions::Compare(const QuantizedSignature& signature) {
  if (signature.norm() == 0 || empty()) {
    std::fill(cosines_.begin(), cosines_.end(), 0.0);
    error_ = 0;
    return;
  }
  quantized_.Compare(signature);
  error_ = quantized_.error();
  for (std::size_t node = 0; node < cosines_.size(); ++node) {
    double best = -1;
    for (const std::uint32_t region : OwnedBy(node)) {
      best = std::max(best, quantized_.Cosine(region));
    }
    cosines_[node] = best;
  }
}

double LocalityBandRegions::Refine(const QuantizedSignature& signature,
                                   std::uint64_t ordinal) const {
  const std::vector<std::uint64_t>& ordinals = owners_->ordinals;
  const auto it = std::lower_bound(ordinals.begin(), ordinals.end(), ordinal);
  if (it == ordinals.end() || *it != ordinal) return 0;
  double best = -1;
  for (const std::uint32_t region : OwnedBy(static_cast<std::size_t>(it - ordinals.begin()))) {
    best = std::max(best, quantized_.Refine(signature, region));
  }
  return best;
}

}  // namespace eldr
