// Centroids in integers, to be compared with quantised signatures.
#ifndef ELDR_CORE_POLICY_QUANTIZED_CENTROIDS_H_
#define ELDR_CORE_POLICY_QUANTIZED_CENTROIDS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/aligned_vector.h"
#include "core/policy/quantized_signature.h"
#include "core/profile/vector_set.h"

namespace eldr {

// Each cell is 16 bits in parts of its centroid's largest, kept as two bytes in two places. Compare
// reads the upper bytes alone, one after the other in memory, and tells each cosine to within
// error(), whatever the signature: what the lower bytes can add is at most their norm (Cauchy and
// Schwarz). Refine reads the lower bytes of one centroid, and its cosine is that of all 16 bits:
// within 10^-4 of the exact one.
//
// A value type; not thread-safe.
class QuantizedCentroids {
 public:
  QuantizedCentroids() = default;
  // REQUIRES: unit vectors, or nearly.
  explicit QuantizedCentroids(const VectorSet& centroids);

  std::size_t size() const { return units_.size(); }

  // Compares all centroids with a signature, which must be there for the calls below. REQUIRES: it
  // is not zero; its dimension is the centroids'.
  void Compare(const QuantizedSignature& signature);
  // Of the signature that was compared last: within error() of what Refine answers.
  double Cosine(std::size_t centroid) const {
    return static_cast<double>(sums_[centroid]) * kUpper * units_[centroid] / norm_;
  }
  double error() const { return error_; }
  double Refine(const QuantizedSignature& signature, std::size_t centroid) const;

 private:
  static constexpr std::int32_t kUpper = 256;  // what one of an upper byte is worth

  std::size_t padded_cells_ = 0;
  AlignedVector<std::int8_t> upper_;
  AlignedVector<std::int8_t> lower_;  // -128 to 127, to be added
  std::vector<double> units_;         // by centroid, what one of the lower byte is worth
  double error_ = 0;

  std::vector<std::int64_t> sums_;  // by centroid, of the upper bytes' products
  double norm_ = 1;                 // of the signature that was compared last
};

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_QUANTIZED_CENTROIDS_H_
