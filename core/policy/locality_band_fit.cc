#include "core/policy/locality_band_fit.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/policy/region_assignment.h"
#include "core/profile/assignment.h"
#include "core/profile/balanced_kmeans.h"
#include "core/profile/fit_stream.h"

namespace eldr {
namespace {

// Just enough for the elder of two equal centroids to be matched before the younger: a node that
// shares the region of another is to yield, not to take over.
constexpr float kYounger = 0.999f;

VectorSet PreferElders(VectorSet centroids) {
  const VectorSet equals = centroids;
  for (std::size_t i = 0; i < equals.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (equals[i] != equals[j]) continue;
      for (float& value : centroids[i]) value *= kYounger;
      break;
    }
  }
  return centroids;
}

}  // namespace

LocalityBandFit::LocalityBandFit(std::vector<SignatureWindow::Vector> points,
                                 std::shared_ptr<const VectorSet> centroids,
                                 std::shared_ptr<const RegionOwners> owners,
                                 std::vector<std::uint64_t> ordinals, std::uint64_t seed)
    : points_(std::move(points)),
      centroids_(std::move(centroids)),
      owners_(std::move(owners)),
      ordinals_(std::move(ordinals)),
      seed_(seed) {}

void LocalityBandFit::Run() {
  VectorSet points;
  for (const SignatureWindow::Vector& point : points_) points.Add(*point);
  points_.clear();
  FitStream stream(seed_);
  const VectorSet start = centroids_->empty() ? DrawCentroids(points, ordinals_.size(), stream)
                                              : NodeCentroids(*centroids_, *owners_);
  const VectorSet fitted = BalancedKMeans(points, start, NoFitProgress).centroids;
  const absl::Span<const float> values = fitted.values();
  if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) return;

  const std::vector<std::uint32_t> match = MatchOneToOne(fitted, PreferElders(start));
  VectorSet aligned;
  for (const std::uint32_t cluster : match) aligned.Add(fitted[cluster]);
  QuantizedCentroids quantized(aligned);
  regions_.emplace().SetRegions(std::move(aligned), std::move(quantized), ordinals_);
}

}  // namespace eldr
