// A request's activation chances in the form that residency maps are scored with.
#ifndef ELDR_CORE_RESIDENCY_ACTIVATION_ROW_H_
#define ELDR_CORE_RESIDENCY_ACTIVATION_ROW_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "core/base/aligned_vector.h"
#include "core/residency/contribution.h"

namespace eldr {

// By cell, the chance that a request's tokens of one step activate the expert, in fixed point:
// within 2^-16 of the chance that its code stands for. Keeps its buffer. Not thread-safe.
class ActivationRow {
 public:
  explicit ActivationRow(std::size_t cells);

  // From a contribution, one code per cell, for `multiplicity` tokens. Faster if that is what it
  // was for the last time.
  void Assign(absl::Span<const std::uint8_t> codes, std::uint32_t multiplicity);

  // The distinct experts of a step that holds nothing but the request.
  double sum() const;
  // The same with kActivationBits fractional bits.
  std::uint64_t fixed_sum() const { return sum_; }
  // The row of score_kernel.h, with kActivationBits fractional bits.
  const std::uint8_t* row() const { return row_.data(); }

 private:
  std::uint64_t sum_ = 0;
  AlignedVector<std::uint8_t> row_;
  // The low and the high byte of each code's chance, for so many tokens.
  std::uint32_t multiplicity_ = 0;
  std::array<std::uint8_t, 2 * kHazardCodes> table_{};
};

}  // namespace eldr

#endif  // ELDR_CORE_RESIDENCY_ACTIVATION_ROW_H_
