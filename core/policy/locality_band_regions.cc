#include "core/policy/locality_band_regions.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

#include "core/profile/assignment.h"

namespace eldr {
namespace {

using Vector = Eigen::Map<const Eigen::VectorXf>;
using Eigen::Index;

// Less than any distance by more than distances differ (they are in [0, 2]), so that an owner is
// never parted from its region for the sake of a shorter way.
constexpr float kStays = -4;

Vector AsVector(absl::Span<const float> values) {
  return {values.data(), static_cast<Index>(values.size())};
}

}  // namespace

void LocalityBandRegions::SetRegions(VectorSet centroids) {
  QuantizedCentroids quantized(centroids);
  SetRegions(std::move(centroids), std::move(quantized), {});
}

void LocalityBandRegions::SetRegions(VectorSet centroids, QuantizedCentroids quantized,
                                     std::vector<std::uint64_t> ordinals) {
  centroids_ = std::move(centroids);
  quantized_ = std::move(quantized);
  ordinals_ = std::move(ordinals);
  owned_.clear();
  for (std::uint32_t i = 0; i < ordinals_.size(); ++i) owned_.push_back({i});
  cosines_.assign(ordinals_.size(), 0);
}

void LocalityBandRegions::SetNodes(absl::Span<const Node> nodes) {
  if (nodes.empty()) return;
  std::vector<std::uint64_t> ordinals;
  std::vector<Owned> owned(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    ordinals.push_back(nodes[i].ordinal);
    const auto it = std::lower_bound(ordinals_.begin(), ordinals_.end(), nodes[i].ordinal);
    if (it == ordinals_.end() || *it != nodes[i].ordinal) continue;
    owned[i] = std::move(owned_[static_cast<std::size_t>(it - ordinals_.begin())]);
  }
  ordinals_ = std::move(ordinals);
  owned_ = std::move(owned);
  cosines_.assign(nodes.size(), 0);
  if (centroids_.empty()) return;
  ReleaseShared();
  GiveUnowned();
  AdoptUnowned();
  SupplyEmpty(nodes);
}

PolicyMemory LocalityBandRegions::Save() const { return {0, centroids_, ordinals_, owned_}; }

bool LocalityBandRegions::Restore(PolicyMemory memory, std::size_t dimension) {
  const std::vector<std::uint64_t>& ordinals = memory.ordinals;
  // Strictly ascending: no pair that is not.
  const bool ascending = std::adjacent_find(ordinals.begin(), ordinals.end(),
                                            std::greater_equal<>()) == ordinals.end();
  bool sound = !memory.centroids.empty() && memory.centroids.dimension() == dimension &&
               memory.owned.size() == ordinals.size() && ascending;
  for (std::size_t region = 0; sound && region < memory.centroids.size(); ++region) {
    // Written so that a NaN fails too.
    sound = std::abs(AsVector(memory.centroids[region]).squaredNorm() - 1) < 1e-2f;
  }
  for (const Owned& regions : memory.owned) {
    sound = sound && !regions.empty() &&
            std::all_of(regions.begin(), regions.end(),
                        [&](std::uint32_t region) { return region < memory.centroids.size(); });
  }
  if (!sound) return false;
  SetRegions(std::move(memory.centroids));
  ordinals_ = std::move(memory.ordinals);
  owned_ = std::move(memory.owned);
  cosines_.assign(ordinals_.size(), 0);
  return true;
}

std::vector<std::uint32_t> LocalityBandRegions::CountOwners() const {
  std::vector<std::uint32_t> owners(centroids_.size());
  for (const Owned& regions : owned_) {
    for (const std::uint32_t region : regions) ++owners[region];
  }
  return owners;
}

// A node that shares is worth more where nobody is; the youngest moves.
void LocalityBandRegions::ReleaseShared() {
  std::vector<std::uint32_t> owners = CountOwners();
  auto unowned = std::count(owners.begin(), owners.end(), 0u);
  for (std::size_t i = owned_.size(); i-- > 0 && unowned > 0;) {
    const bool shares = std::all_of(owned_[i].begin(), owned_[i].end(),
                                    [&](std::uint32_t region) { return owners[region] > 1; });
    if (owned_[i].empty() || !shares) continue;
    for (const std::uint32_t region : owned_[i]) --owners[region];
    owned_[i].clear();
    --unowned;
  }
}

void LocalityBandRegions::GiveUnowned() {
  const std::vector<std::uint32_t> owners = CountOwners();
  std::uint32_t next = 0;
  for (Owned& regions : owned_) {
    if (!regions.empty()) continue;
    while (next < owners.size() && owners[next] > 0) ++next;
    if (next == owners.size()) return;
    regions.push_back(next++);
  }
}

// Unowned regions are left only if every node owns one, and no region has two owners.
void LocalityBandRegions::AdoptUnowned() {
  const std::vector<std::uint32_t> owners = CountOwners();
  if (std::count(owners.begin(), owners.end(), 0u) == 0) return;
  const std::size_t regions = centroids_.size();
  VectorSet costs(regions, owned_.size());
  std::size_t capacity = (regions + owned_.size() - 1) / owned_.size();
  for (std::size_t node = 0; node < owned_.size(); ++node) {
    capacity = std::max(capacity, owned_[node].size());
    for (std::uint32_t region = 0; region < regions; ++region) {
      float nearest = 2;
      for (const std::uint32_t own : owned_[node]) {
        nearest = std::min(nearest, own == region ? kStays : Distance(own, region));
      }
      costs[region][node] = nearest;
    }
  }
  const std::vector<std::uint32_t> assigned = AssignWithCapacity(costs, capacity);
  for (std::uint32_t region = 0; region < regions; ++region) {
    if (owners[region] == 0) owned_[assigned[region]].push_back(region);
  }
}

void LocalityBandRegions::SupplyEmpty(absl::Span<const Node> nodes) {
  for (Owned& regions : owned_) {
    if (!regions.empty()) continue;
    std::size_t donor = 0;
    for (std::size_t i = 1; i < owned_.size(); ++i) {
      const auto worth = [&](std::size_t node) {
        return std::make_pair(owned_[node].size(), nodes[node].load);
      };
      if (worth(i) > worth(donor)) donor = i;
    }
    if (owned_[donor].size() > 1) {
      Split(owned_[donor], regions);
    } else {
      regions.push_back(RegionOfMostLoad(nodes));
    }
  }
}

void LocalityBandRegions::Split(Owned& from, Owned& to) const {
  // The one farthest from the first, and those nearest to it.
  const std::uint32_t first = from.front();
  const std::uint32_t seed = *std::max_element(
      from.begin(), from.end(),
      [&](std::uint32_t a, std::uint32_t b) { return Distance(first, a) < Distance(first, b); });
  std::stable_sort(from.begin(), from.end(), [&](std::uint32_t a, std::uint32_t b) {
    return Distance(seed, a) > Distance(seed, b);
  });
  const auto half = static_cast<std::ptrdiff_t>((from.size() + 1) / 2);
  to.assign(from.begin() + half, from.end());
  from.erase(from.begin() + half, from.end());
}

std::uint32_t LocalityBandRegions::RegionOfMostLoad(absl::Span<const Node> nodes) const {
  const std::vector<std::uint32_t> owners = CountOwners();
  std::vector<double> loads(centroids_.size());
  for (std::size_t i = 0; i < owned_.size(); ++i) {
    for (const std::uint32_t region : owned_[i]) loads[region] += nodes[i].load;
  }
  std::uint32_t most = 0;
  for (std::uint32_t region = 0; region < loads.size(); ++region) {
    loads[region] /= std::max(owners[region], 1u);
    // Among equal loads the region with the fewest owners, so that an idle fleet is shared evenly.
    if (std::make_pair(loads[region], -static_cast<double>(owners[region])) >
        std::make_pair(loads[most], -static_cast<double>(owners[most]))) {
      most = region;
    }
  }
  return most;
}

float LocalityBandRegions::Distance(std::uint32_t a, std::uint32_t b) const {
  return 1 - AsVector(centroids_[a]).dot(AsVector(centroids_[b]));
}

VectorSet LocalityBandRegions::NodeCentroids() const {
  VectorSet centroids(owned_.size(), centroids_.dimension());
  for (std::size_t node = 0; node < owned_.size(); ++node) {
    Eigen::Map<Eigen::VectorXf> mean(centroids[node].data(),
                                     static_cast<Index>(centroids_.dimension()));
    for (const std::uint32_t region : owned_[node]) mean += AsVector(centroids_[region]);
    if (owned_[node].size() > 1) mean.normalize();
  }
  return centroids;
}

void LocalityBandRegions::Compare(const QuantizedSignature& signature) {
  if (signature.norm() == 0 || centroids_.empty()) {
    std::fill(cosines_.begin(), cosines_.end(), 0.0);
    error_ = 0;
    return;
  }
  quantized_.Compare(signature);
  error_ = quantized_.error();
  for (std::size_t node = 0; node < owned_.size(); ++node) {
    double best = -1;
    for (const std::uint32_t region : owned_[node]) {
      best = std::max(best, quantized_.Cosine(region));
    }
    cosines_[node] = best;
  }
}

double LocalityBandRegions::Refine(const QuantizedSignature& signature,
                                   std::uint64_t ordinal) const {
  const auto it = std::lower_bound(ordinals_.begin(), ordinals_.end(), ordinal);
  if (it == ordinals_.end() || *it != ordinal) return 0;
  double best = -1;
  for (const std::uint32_t region : owned_[static_cast<std::size_t>(it - ordinals_.begin())]) {
    best = std::max(best, quantized_.Refine(signature, region));
  }
  return best;
}

}  // namespace eldr
