// Optimal assignments.
#ifndef ELDR_CORE_PROFILE_ASSIGNMENT_H_
#define ELDR_CORE_PROFILE_ASSIGNMENT_H_

#include <cstdint>
#include <vector>

#include "core/profile/vector_set.h"

namespace eldr {

// For each row of `costs` its column, so that no column has more than `capacity` rows and the
// total cost is the least possible (costs are rounded to 2^-32 of their largest magnitude). Equal
// input gives equal output. REQUIRES: finite costs; rows <= columns * capacity.
std::vector<std::uint32_t> AssignWithCapacity(const VectorSet& costs, std::size_t capacity);

// For each vector of `to` the one of `from` that takes its place: one to one, with the greatest
// total of inner products. REQUIRES: as many in both, of one dimension.
std::vector<std::uint32_t> MatchOneToOne(const VectorSet& from, const VectorSet& to);

// 1 minus the inner product of each of `points` (rows) with each of `centroids` (columns): the
// cosine distance, if all are of unit length.
VectorSet CosineDistances(const VectorSet& points, const VectorSet& centroids);

}  // namespace eldr

#endif  // ELDR_CORE_PROFILE_ASSIGNMENT_H_
