#include "core/policy/region_assignment.h"

#include <Eigen/Core>
#include <algorithm>
#include <utility>

namespace eldr {
namespace {

Eigen::Map<const Eigen::VectorXf> AsVector(absl::Span<const float> values) {
  return {values.data(), static_cast<Eigen::Index>(values.size())};
}

}  // namespace

RegionAssignment::RegionAssignment(std::shared_ptr<const VectorSet> centroids,
                                   std::shared_ptr<const RegionOwners> before,
                                   std::vector<RegionNode> nodes)
    : centroids_(std::move(centroids)),
      before_(std::move(before)),
      nodes_(std::move(nodes)),
      owned_(nodes_.size()) {}

void RegionAssignment::Run() {
  KeepThoseThatStay();
  ReleaseShared();
  GiveUnowned();
  AdoptUnowned();
  SupplyEmpty();
  auto result = std::make_shared<RegionOwners>();
  for (const RegionNode& node : nodes_) result->ordinals.push_back(node.ordinal);
  result->owned = std::move(owned_);
  result_ = std::move(result);
}

void RegionAssignment::KeepThoseThatStay() {
  const std::vector<std::uint64_t>& before = before_->ordinals;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const auto it = std::lower_bound(before.begin(), before.end(), nodes_[i].ordinal);
    if (it == before.end() || *it != nodes_[i].ordinal) continue;
    owned_[i] = before_->owned[static_cast<std::size_t>(it - before.begin())];
  }
}

std::vector<std::uint32_t> RegionAssignment::CountOwners() const {
  std::vector<std::uint32_t> owners(centroids_->size());
  for (const Owned& regions : owned_) {
    for (const std::uint32_t region : regions) ++owners[region];
  }
  return owners;
}

// A node that shares is worth more where nobody is; the youngest moves.
void RegionAssignment::ReleaseShared() {
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

void RegionAssignment::GiveUnowned() {
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
void RegionAssignment::AdoptUnowned() {
  const std::vector<std::uint32_t> owners = CountOwners();
  const std::size_t regions = centroids_->size();
  // No node gets more than its even share, or than one has already.
  std::size_t most = (regions + owned_.size() - 1) / owned_.size();
  for (const Owned& own : owned_) most = std::max(most, own.size());
  const std::vector<Owned> before = owned_;  // what is adopted draws no further regions
  for (std::uint32_t region = 0; region < regions; ++region) {
    if (owners[region] > 0) continue;
    std::size_t adopts = owned_.size();
    float least = 0;
    for (std::size_t node = 0; node < owned_.size(); ++node) {
      if (owned_[node].size() == most) continue;
      for (const std::uint32_t own : before[node]) {
        const float distance = Distance(own, region);
        if (adopts < owned_.size() && distance >= least) continue;
        adopts = node;
        least = distance;
      }
    }
    owned_[adopts].push_back(region);
  }
}

void RegionAssignment::SupplyEmpty() {
  for (Owned& regions : owned_) {
    if (!regions.empty()) continue;
    std::size_t donor = 0;
    for (std::size_t i = 1; i < owned_.size(); ++i) {
      const auto worth = [&](std::size_t node) {
        return std::make_pair(owned_[node].size(), nodes_[node].load);
      };
      if (worth(i) > worth(donor)) donor = i;
    }
    if (owned_[donor].size() > 1) {
      Split(owned_[donor], regions);
    } else {
      regions.push_back(RegionOfMostLoad());
    }
  }
}

void RegionAssignment::Split(Owned& from, Owned& to) {
  // The one farthest from the first, and those nearest to it.
  const auto farthest_from = [&](std::uint32_t seed) {
    std::vector<std::pair<float, std::uint32_t>> order;
    for (const std::uint32_t region : from) order.emplace_back(-Distance(seed, region), region);
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    return order;
  };
  const auto order = farthest_from(farthest_from(from.front()).front().second);
  const std::size_t half = (order.size() + 1) / 2;
  from.clear();
  for (std::size_t i = 0; i < order.size(); ++i) {
    (i < half ? from : to).push_back(order[i].second);
  }
}

std::uint32_t RegionAssignment::RegionOfMostLoad() const {
  const std::vector<std::uint32_t> owners = CountOwners();
  std::vector<double> loads(centroids_->size());
  for (std::size_t i = 0; i < owned_.size(); ++i) {
    for (const std::uint32_t region : owned_[i]) loads[region] += nodes_[i].load;
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

float RegionAssignment::Distance(std::uint32_t a, std::uint32_t b) {
  ++comparisons_;
  return 1 - AsVector((*centroids_)[a]).dot(AsVector((*centroids_)[b]));
}

VectorSet NodeCentroids(const VectorSet& centroids, const RegionOwners& owners) {
  VectorSet means(owners.owned.size(), centroids.dimension());
  for (std::size_t node = 0; node < means.size(); ++node) {
    Eigen::Map<Eigen::VectorXf> mean(means[node].data(),
                                     static_cast<Eigen::Index>(means.dimension()));
    for (const std::uint32_t region : owners.owned[node]) mean += AsVector(centroids[region]);
    if (owners.owned[node].size() > 1) mean.normalize();
  }
  return means;
}

}  // namespace eldr
