#include "core/residency/activation_row.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/residency/contribution.h"
#include "core/residency/score_kernel.h"

namespace eldr {
namespace {

using ByteTable = std::array<std::uint8_t, 2 * kHazardCodes>;

ByteTable TableFor(std::uint32_t multiplicity) {
  const std::array<float, kHazardCodes> activation = ActivationOfCode(multiplicity);
  ByteTable table;
  for (std::size_t code = 0; code < kHazardCodes; ++code) {
    const long value = std::lround(std::ldexp(activation[code], kActivationBits));
    // A certain one would not fit.
    const long most = std::min(value, (1L << kActivationBits) - 1);
    table[code] = static_cast<std::uint8_t>(most & 0xff);
    table[kHazardCodes + code] = static_cast<std::uint8_t>(most >> 8);
  }
  return table;
}

}  // namespace

ActivationRow::ActivationRow(std::size_t cells) : row_(2 * PaddedCells(cells), 0) {}

void ActivationRow::Assign(absl::Span<const std::uint8_t> codes, std::uint32_t multiplicity) {
  if (multiplicity != multiplicity_) {
    // Nearly every request is one sequence on a node that decodes one token per step.
    static const ByteTable once = TableFor(1);
    table_ = multiplicity == 1 ? once : TableFor(multiplicity);
    multiplicity_ = multiplicity;
  }
  sum_ = LookUpActivation(codes, table_, row_.size() / 2, row_.data());
}

double ActivationRow::sum() const {
  return std::ldexp(static_cast<double>(sum_), -kActivationBits);
}

}  // namespace eldr
