// The expert residency of one expert group: which experts a decode step there is likely to
// activate.
#ifndef ELDR_CORE_RESIDENCY_RESIDENCY_MAP_H_
#define ELDR_CORE_RESIDENCY_RESIDENCY_MAP_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "core/base/aligned_vector.h"
#include "core/residency/activation_row.h"
#include "core/residency/survival_rows.h"

namespace eldr {

// Keeps, by cell, the hazard x = sum over requests of -ln(1 - p) as an integer in fixed point, so
// that adding and removing a contribution are exact inverses: after any sequence of both, the map
// is bit for bit the sum of what is in it. The survival s = exp(-x), the chance that a step does
// not activate the expert, and the expected distinct experts A = sum (1 - s) are always derived
// from x. Survivals are kept in a byte each, within 1/510, so that scoring is integer arithmetic:
// fast, and the same on every machine. The roundings of cells cancel in sums.
//
// Takes 5.5 bytes per cell, and 7.5 while its weight is beyond kMaxNarrowWeight. Not thread-safe.
class ResidencyMap {
 public:
  // How much multiplicity fits: far more than an expert group decodes in one step, so that it
  // bounds nobody. Times 3.912 * 2^16 it is well below 2^48, so that every sum is exact.
  static constexpr std::uint32_t kMaxWeight = 1u << 24;
  // How much fits 32 bits by cell. Beyond it a third row has the bits above, which costs time.
  static constexpr std::uint32_t kMaxNarrowWeight = 1u << 14;

  // One of the maps that have their rows together; `rows` are for as many cells.
  ResidencyMap(std::size_t cells, std::shared_ptr<SurvivalRows> rows);
  // A map of its own.
  explicit ResidencyMap(std::size_t cells)
      : ResidencyMap(cells, std::make_shared<SurvivalRows>(cells)) {}
  ~ResidencyMap();
  ResidencyMap(const ResidencyMap&) = delete;
  ResidencyMap& operator=(const ResidencyMap&) = delete;

  // True if that much more multiplicity may be added. Whoever adds asks first.
  bool Fits(std::uint64_t multiplicity) const { return multiplicity <= kMaxWeight - weight_; }
  // Adds a contribution, one code per cell, `multiplicity` times. REQUIRES: Fits(multiplicity).
  void Add(absl::Span<const std::uint8_t> codes, std::uint32_t multiplicity);
  // Takes back what Add added. REQUIRES: it was added, with this multiplicity.
  void Remove(absl::Span<const std::uint8_t> codes, std::uint32_t multiplicity);

  // The sum of the multiplicities in the map.
  std::uint32_t weight() const { return weight_; }
  // Expected distinct experts per step, summed over layers.
  double expected_experts() const { return expected_experts_; }
  // Distinct experts that a request of these activation chances would add to them: sum of p * s.
  // Fetches `next`, the map that is asked next, meanwhile.
  double MarginalExperts(const ActivationRow& activation, const ResidencyMap& next) const;
  double MarginalExperts(const ActivationRow& activation) const {
    return MarginalExperts(activation, *this);
  }
  // The least that MarginalExperts may answer, and at most LookError(activation) less than it: what
  // can be told from half the bytes. Fetches `ahead`, which is asked soon.
  double LeastMarginalExperts(const ActivationRow& activation, const ResidencyMap& ahead) const;
  double LeastMarginalExperts(const ActivationRow& activation) const {
    return LeastMarginalExperts(activation, *this);
  }
  static double LookError(const ActivationRow& activation);

  // x by cell, with kHazardFractionBits.
  std::vector<std::int64_t> Hazard() const;
  // The chance, by cell, that a step activates the expert: 1 - exp(-x) of the exact x.
  std::vector<float> Activation() const;

 private:
  void Change(absl::Span<const std::uint8_t> codes, std::uint32_t multiplicity, bool remove);
  // Has the top row while the weight asks for it.
  void Widen();
  void Narrow();

  const std::size_t cells_;
  std::uint32_t weight_ = 0;
  double expected_experts_ = 0;
  // Padded; see ResidencyRows.
  AlignedVector<std::uint16_t> hazard_low_;
  AlignedVector<std::uint16_t> hazard_high_;
  const std::shared_ptr<SurvivalRows> rows_;
  std::int8_t* const survival_;
  std::uint8_t* const halves_;
  // Bits 32 to 47 of the hazards; empty while all of them are 0.
  AlignedVector<std::uint16_t> hazard_top_;
};

}  // namespace eldr

#endif  // ELDR_CORE_RESIDENCY_RESIDENCY_MAP_H_
