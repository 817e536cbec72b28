// Balanced spherical K-means: clusters of equal size by cosine distance.
//
// Each iteration assigns the points to the centroids so that no cluster gets more than ceil(N / K)
// and the total cosine distance is the least possible, then moves each centroid to the normalised
// mean of its points (M. I. Malinen, P. Franti: Balanced K-Means for Clustering, 2014).
#ifndef ELDR_CORE_PROFILE_BALANCED_KMEANS_H_
#define ELDR_CORE_PROFILE_BALANCED_KMEANS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/profile/fit_progress.h"
#include "core/profile/fit_stream.h"
#include "core/profile/vector_set.h"

namespace eldr {

struct Clusters {
  VectorSet centroids;                  // unit vectors
  std::vector<std::uint32_t> assigned;  // by point, the cluster of the last assignment
  std::size_t iterations = 0;
  bool converged = false;  // the centroids no longer move
};

// `count` of the points, drawn one after the other with chances in proportion to the squared
// Euclidean distance to the nearest drawn before (k-means++), or alike if all are zero.
// REQUIRES: at least one point.
VectorSet DrawCentroids(const VectorSet& points, std::size_t count, FitStream& stream);

// Iterates from `centroids`, at most `max_iterations` times. A cluster without points keeps its
// centroid. REQUIRES: unit points, and one centroid or more, of the points' dimension.
Clusters BalancedKMeans(const VectorSet& points, VectorSet centroids, FitProgress progress,
                        std::size_t max_iterations = 50);

}  // namespace eldr

#endif  // ELDR_CORE_PROFILE_BALANCED_KMEANS_H_
