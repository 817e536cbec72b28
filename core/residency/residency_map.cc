#include "core/residency/residency_map.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/residency/contribution.h"
#include "core/residency/hazard_kernel.h"
#include "core/residency/score_kernel.h"

namespace eldr {

ResidencyMap::ResidencyMap(std::size_t cells, std::shared_ptr<SurvivalRows> rows)
    : cells_(cells),
      hazard_low_(PaddedCells(cells), 0),
      hazard_high_(PaddedCells(cells), 0),
      rows_(std::move(rows)),
      survival_(reinterpret_cast<std::int8_t*>(rows_->bytes.Take())),
      halves_(reinterpret_cast<std::uint8_t*>(rows_->halves.Take())) {
  std::fill_n(survival_, hazard_low_.size(),
              static_cast<std::int8_t>(kSurvivalOne - kSurvivalOffset));
  HalveSurvival(survival_, hazard_low_.size(), halves_);
}

ResidencyMap::~ResidencyMap() {
  rows_->bytes.Give(reinterpret_cast<std::byte*>(survival_));
  rows_->halves.Give(reinterpret_cast<std::byte*>(halves_));
}

void ResidencyMap::Add(absl::Span<const std::uint8_t> codes, std::uint32_t multiplicity) {
  weight_ += multiplicity;
  Change(codes, multiplicity, false);
}

void ResidencyMap::Remove(absl::Span<const std::uint8_t> codes, std::uint32_t multiplicity) {
  weight_ -= multiplicity;
  Change(codes, multiplicity, true);
}

void ResidencyMap::Change(absl::Span<const std::uint8_t> codes, std::uint32_t multiplicity,
                          bool remove) {
  const std::uint64_t touched = ChangeHazards(codes, multiplicity, remove,
                                              {hazard_low_.data(), hazard_high_.data(), survival_});
  HalveSurvival(survival_, hazard_low_.size(), halves_);
  expected_experts_ = std::ldexp(static_cast<double>(touched), -kTouchedBits);
}

double ResidencyMap::MarginalExperts(const ActivationRow& activation,
                                     const ResidencyMap& next) const {
  constexpr double kUnit = 1.0 / (kSurvivalOne << kActivationBits);
  const std::int64_t kept =
      SumProducts(activation.row(), survival_, next.survival_, hazard_low_.size());
  return kUnit * static_cast<double>(kept + kSurvivalOffset *
                                                static_cast<std::int64_t>(activation.fixed_sum()));
}

double ResidencyMap::LeastMarginalExperts(const ActivationRow& activation,
                                          const ResidencyMap& ahead) const {
  constexpr double kUnit = static_cast<double>(kHalfUnit) / (kSurvivalOne << kActivationBits);
  return kUnit * static_cast<double>(
                     SumHalves(activation.row(), halves_, ahead.halves_, hazard_low_.size()));
}

double ResidencyMap::LookError(const ActivationRow& activation) {
  return activation.sum() * (kHalfUnit - 1) / kSurvivalOne;
}

std::vector<std::int32_t> ResidencyMap::Hazard() const {
  std::vector<std::int32_t> hazard(cells_);
  for (std::size_t cell = 0; cell < cells_; ++cell) {
    hazard[cell] = hazard_high_[cell] << 16 | hazard_low_[cell];
  }
  return hazard;
}

std::vector<float> ResidencyMap::Activation() const {
  std::vector<float> activation;
  activation.reserve(cells_);
  for (const std::int32_t x : Hazard()) {
    activation.push_back(
        static_cast<float>(-std::expm1(-std::ldexp(static_cast<double>(x), -kHazardFractionBits))));
  }
  return activation;
}

}  // namespace eldr
