// The expert residency of one expert group: which experts a decode step there is likely to
// activate.
#ifndef ELDR_CORE_RESIDENCY_RESIDENCY_MAP_H_
#define ELDR_CORE_RESIDENCY_RESIDENCY_MAP_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "core/base/aligned_vector.h"
#include "core/residency/activation_row.h"

namespace eldr {

// Keeps, by cell, the hazard x = sum over requests of -ln(1 - p) as an integer in fixed point, so
// that adding and removing a contribution are exact inverses: after any sequence of both, the map
// is bit for bit the sum of what is in it. The survival s = exp(-x), the chance that a step does
// not activate the expert, and the expected distinct experts A = sum (1 - s) are always derived
// from x. Survivals are kept in fixed point too, within 2^-14, so that scoring is integer
// arithmetic: fast, and the same on every machine.
//
// Takes 7 bytes per cell. Not thread-safe.
class ResidencyMap {
 public:
  // How much multiplicity fits: 8,192 * 3.912 * 2^16 is just below 2^31.
  static constexpr std::uint32_t kMaxWeight = 8192;

  explicit ResidencyMap(std::size_t cells);

  // Adds a contribution, one code per cell, `multiplicity` times.
  // REQUIRES: weight() + multiplicity <= kMaxWeight.
  void Add(absl::Span<const std::uint8_t> codes, std::uint32_t multiplicity);
  // Takes back what Add added. REQUIRES: it was added, with this multiplicity.
  void Remove(absl::Span<const std::uint8_t> codes, std::uint32_t multiplicity);

  // The sum of the multiplicities in the map.
  std::uint32_t weight() const { return weight_; }
  // Expected distinct experts per step, summed over layers.
  double expected_experts() const { return expected_experts_; }
  // Distinct experts that a request of these activation chances would add to them: sum of p * s.
  double MarginalExperts(const ActivationRow& activation) const;
  // The same from survivals of a byte each, which is faster where the maps of a fleet do not fit
  // the caches. Within CoarseError(activation) of what MarginalExperts answers.
  // `next` is the map that is asked next: it is fetched meanwhile.
  double CoarseMarginalExperts(const ActivationRow& activation, const ResidencyMap& next) const;
  double CoarseMarginalExperts(const ActivationRow& activation) const {
    return CoarseMarginalExperts(activation, *this);
  }
  static double CoarseError(const ActivationRow& activation);

  absl::Span<const std::int32_t> hazard() const { return {hazard_.data(), cells_}; }
  // The chance, by cell, that a step activates the expert: 1 - exp(-x) of the exact x.
  std::vector<float> Activation() const;

 private:
  void Change(absl::Span<const std::uint8_t> codes, std::int32_t factor);

  const std::size_t cells_;
  std::uint32_t weight_ = 0;
  double expected_experts_ = 0;
  // Padded; see ResidencyRows.
  AlignedVector<std::int32_t> hazard_;
  AlignedVector<std::int16_t> survival_;
  AlignedVector<std::uint8_t> coarse_;
};

}  // namespace eldr

#endif  // ELDR_CORE_RESIDENCY_RESIDENCY_MAP_H_
