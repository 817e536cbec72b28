#include "core/residency/residency_map.h"

#include <cmath>

#include "core/residency/contribution.h"
#include "core/residency/residency_kernels.h"

namespace eldr {

ResidencyMap::ResidencyMap(std::size_t cells)
    : cells_(cells),
      hazard_(PaddedCells(cells), 0),
      survival_(PaddedCells(cells), 1 << kSurvivalBits),
      coarse_(PaddedCells(cells), kCoarseOne) {}

void ResidencyMap::Add(absl::Span<const std::uint8_t> codes, std::uint32_t multiplicity) {
  weight_ += multiplicity;
  Change(codes, static_cast<std::int32_t>(multiplicity));
}

void ResidencyMap::Remove(absl::Span<const std::uint8_t> codes, std::uint32_t multiplicity) {
  weight_ -= multiplicity;
  Change(codes, -static_cast<std::int32_t>(multiplicity));
}

void ResidencyMap::Change(absl::Span<const std::uint8_t> codes, std::int32_t factor) {
  const std::uint64_t touched = ChangeHazards(codes, HazardOfCode(), factor,
                                              {hazard_.data(), survival_.data(), coarse_.data()});
  expected_experts_ = std::ldexp(static_cast<double>(touched), -kTouchedBits);
}

double ResidencyMap::MarginalExperts(const ActivationRow& activation) const {
  constexpr double kUnit = 1.0 / (1 << (kActivationBits + kSurvivalBits));
  return kUnit * static_cast<double>(
                     SumSurvival(activation.values().data(), survival_.data(), survival_.size()));
}

double ResidencyMap::CoarseMarginalExperts(const ActivationRow& activation,
                                           const ResidencyMap& next) const {
  constexpr double kUnit = 1.0 / (kCoarseOne << kActivationBits);
  return kUnit * static_cast<double>(SumCoarse(activation.values().data(), coarse_.data(),
                                               next.coarse_.data(), coarse_.size()));
}

double ResidencyMap::CoarseError(const ActivationRow& activation) {
  return activation.sum() / (2 * kCoarseOne);
}

std::vector<float> ResidencyMap::Activation() const {
  std::vector<float> activation;
  activation.reserve(cells_);
  for (const std::int32_t x : hazard()) {
    activation.push_back(
        static_cast<float>(-std::expm1(-std::ldexp(static_cast<double>(x), -kHazardFractionBits))));
  }
  return activation;
}

}  // namespace eldr
