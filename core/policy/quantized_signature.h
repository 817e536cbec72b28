// A transformed signature in integers.
#ifndef ELDR_CORE_POLICY_QUANTIZED_SIGNATURE_H_
#define ELDR_CORE_POLICY_QUANTIZED_SIGNATURE_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "core/base/aligned_vector.h"
#include "core/profile/signature_transform.h"
#include "core/signature/expert_signature.h"

namespace eldr {

// The direction of SignatureTransform's unit vector: whole numbers of which the largest comes near
// 32,767, and their norm. Unweighted counts below that are exact; others are off by half a unit,
// which in a vector of thousands of cells turns its direction by about 10^-4. A value type that
// keeps its buffer.
class QuantizedSignature {
 public:
  // Replaces the vector; false, leaving it clear, if the signature vanishes under the transform.
  // REQUIRES: the signature's geometry is the transform's.
  bool Assign(const SignatureTransform& transform, const ExpertSignature& signature);

  void Clear() { norm_ = 0; }

  // Padded with zeros to PaddedCells. REQUIRES: norm() is not 0.
  absl::Span<const std::int16_t> values() const { return values_; }
  // The same as a row of score_kernel.h.
  const std::uint8_t* row() const { return row_.data(); }
  // 0 if it is clear.
  double norm() const { return norm_; }

 private:
  std::vector<std::int16_t> values_;
  AlignedVector<std::uint8_t> row_;
  double norm_ = 0;
};

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_QUANTIZED_SIGNATURE_H_
