#include "core/policy/quantized_centroids.h"

#include <algorithm>
#include <cmath>

#include "core/residency/score_kernel.h"

namespace eldr {
namespace {

// The largest sum of an upper byte's worth and a lower one's.
constexpr double kLargest = 127 * 256 + 127;

}  // namespace

QuantizedCentroids::QuantizedCentroids(const VectorSet& centroids)
    : padded_cells_(PaddedCells(centroids.dimension())),
      upper_(centroids.size() * padded_cells_),
      lower_(centroids.size() * padded_cells_),
      units_(centroids.size()),
      sums_(centroids.size()) {
  for (std::size_t i = 0; i < centroids.size(); ++i) {
    const absl::Span<const float> centroid = centroids[i];
    float largest = 0;
    for (const float value : centroid) largest = std::max(largest, std::abs(value));
    if (!(largest > 0)) continue;
    const auto factor = static_cast<float>(kLargest / largest);
    std::int8_t* const upper = upper_.data() + i * padded_cells_;
    std::int8_t* const lower = lower_.data() + i * padded_cells_;
    std::int64_t squares = 0;
    for (std::size_t cell = 0; cell < centroid.size(); ++cell) {
      // To the nearest: the number is positive when it is cut off.
      constexpr std::int32_t kShift = 1 << 15;
      const auto value =
          static_cast<std::int32_t>(centroid[cell] * factor + (kShift + 0.5f)) - kShift;
      const std::int32_t high = (value + kUpper / 2) >> 8;
      const std::int32_t low = value - kUpper * high;
      upper[cell] = static_cast<std::int8_t>(high);
      lower[cell] = static_cast<std::int8_t>(low);
      squares += std::int64_t{low} * low;
    }
    units_[i] = 1 / double{factor};
    error_ = std::max(error_, units_[i] * std::sqrt(static_cast<double>(squares)));
  }
}

void QuantizedCentroids::Compare(const QuantizedSignature& signature) {
  const std::int8_t* row = upper_.data();
  for (std::size_t i = 0; i < size(); ++i, row += padded_cells_) {
    const std::int8_t* const next = i + 1 < size() ? row + padded_cells_ : row;
    sums_[i] = SumProducts(signature.row(), row, next, padded_cells_);
  }
  norm_ = signature.norm();
}

double QuantizedCentroids::Refine(const QuantizedSignature& signature, std::size_t centroid) const {
  const std::int8_t* const row = lower_.data() + centroid * padded_cells_;
  const std::int64_t lower = SumProducts(signature.row(), row, row, padded_cells_);
  return static_cast<double>(sums_[centroid] * kUpper + lower) * units_[centroid] / norm_;
}

}  // namespace eldr
