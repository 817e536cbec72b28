#include "core/profile/balanced_kmeans.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/profile/assignment.h"

namespace eldr {
namespace {

// A centroid that moved by less than this in every component has not moved: single precision.
constexpr float kStill = 1e-6f;

double SquaredDistance(absl::Span<const float> a, absl::Span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = double{a[i]} - double{b[i]};
    sum += difference * difference;
  }
  return sum;
}

std::size_t DrawByWeight(const std::vector<double>& weights, double total, FitStream& stream) {
  double left = stream.Uniform() * total;
  std::size_t last = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;  // never drawn, whatever the rounding
    last = i;
    if (left < weights[i]) break;
    left -= weights[i];
  }
  return last;
}

// The normalised mean of the points of each cluster; that of an empty one is the old centroid.
VectorSet MeansOf(const VectorSet& points, const std::vector<std::uint32_t>& assigned,
                  const VectorSet& old) {
  const std::size_t dimension = points.dimension();
  std::vector<double> sums(old.size() * dimension);
  for (std::size_t i = 0; i < points.size(); ++i) {
    double* sum = sums.data() + assigned[i] * dimension;
    const absl::Span<const float> point = points[i];
    for (std::size_t d = 0; d < dimension; ++d) sum[d] += double{point[d]};
  }
  VectorSet means = old;
  for (std::size_t cluster = 0; cluster < old.size(); ++cluster) {
    const double* sum = sums.data() + cluster * dimension;
    double square = 0;
    for (std::size_t d = 0; d < dimension; ++d) square += sum[d] * sum[d];
    if (!(square > 0)) continue;
    const double scale = 1 / std::sqrt(square);
    absl::Span<float> mean = means[cluster];
    for (std::size_t d = 0; d < dimension; ++d) mean[d] = static_cast<float>(sum[d] * scale);
  }
  return means;
}

bool Moved(const VectorSet& a, const VectorSet& b) {
  for (std::size_t i = 0; i < a.values().size(); ++i) {
    if (std::abs(a.values()[i] - b.values()[i]) > kStill) return true;
  }
  return false;
}

}  // namespace

VectorSet DrawCentroids(const VectorSet& points, std::size_t count, FitStream& stream) {
  VectorSet centroids;
  std::vector<double> weights(points.size(), std::numeric_limits<double>::infinity());
  std::size_t drawn = stream.Below(points.size());
  while (true) {
    centroids.Add(points[drawn]);
    if (centroids.size() == count) return centroids;
    double total = 0;
    for (std::size_t i = 0; i < points.size(); ++i) {
      weights[i] = std::min(weights[i], SquaredDistance(points[i], points[drawn]));
      total += weights[i];
    }
    drawn = total > 0 ? DrawByWeight(weights, total, stream) : stream.Below(points.size());
  }
}

Clusters BalancedKMeans(const VectorSet& points, VectorSet centroids, FitProgress progress,
                        std::size_t max_iterations) {
  Clusters clusters;
  clusters.centroids = std::move(centroids);
  const std::size_t count = clusters.centroids.size();
  const std::size_t capacity = (points.size() + count - 1) / count;
  while (!clusters.converged && clusters.iterations < max_iterations) {
    clusters.assigned = AssignWithCapacity(CosineDistances(points, clusters.centroids), capacity);
    VectorSet means = MeansOf(points, clusters.assigned, clusters.centroids);
    clusters.converged = !Moved(means, clusters.centroids);
    clusters.centroids = std::move(means);
    progress("clusters", ++clusters.iterations, max_iterations);
  }
  return clusters;
}

}  // namespace eldr
