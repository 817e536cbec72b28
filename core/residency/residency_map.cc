#include "core/residency/residency_map.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/residency/contribution.h"
#include "core/residency/hazard_kernel.h"
#include "core/residency/score_kernel.h"

namespace eldr {

static_assert(3.913 * (1 << kHazardFractionBits) * ResidencyMap::kMaxNarrowWeight < 0x1p32);
static_assert(3.913 * (1 << kHazardFractionBits) * ResidencyMap::kMaxWeight < 0x1p48);

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
  if (weight_ > kMaxNarrowWeight) Widen();
  Change(codes, multiplicity, false);
}

void ResidencyMap::Remove(absl::Span<const std::uint8_t> codes, std::uint32_t multiplicity) {
  weight_ -= multiplicity;
  Change(codes, multiplicity, true);
  // Well below the bound, so that a group that swings around it does not do this each time.
  if (weight_ <= kMaxNarrowWeight / 2) Narrow();
}

void ResidencyMap::Widen() {
  if (hazard_top_.empty()) hazard_top_.assign(hazard_low_.size(), 0);
}

void ResidencyMap::Narrow() {
  if (!hazard_top_.empty()) AlignedVector<std::uint16_t>().swap(hazard_top_);
}

void ResidencyMap::Change(absl::Span<const std::uint8_t> codes, std::uint32_t multiplicity,
                          bool remove) {
  std::uint16_t* const top = hazard_top_.empty() ? nullptr : hazard_top_.data();
  const std::uint64_t touched = ChangeHazards(
      codes, multiplicity, remove, {hazard_low_.data(), hazard_high_.data(), top, survival_});
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

std::vector<std::int64_t> ResidencyMap::Hazard() const {
  std::vector<std::int64_t> hazard(cells_);
  for (std::size_t cell = 0; cell < cells_; ++cell) {
    const std::uint32_t narrow = std::uint32_t{hazard_high_[cell]} << 16 | hazard_low_[cell];
    const std::int64_t top = hazard_top_.empty() ? 0 : hazard_top_[cell];
    hazard[cell] = top << 32 | narrow;
  }
  return hazard;
}

std::vector<float> ResidencyMap::Activation() const {
  std::vector<float> activation;
  activation.reserve(cells_);
  for (const std::int64_t x : Hazard()) {
    activation.push_back(
        static_cast<float>(-std::expm1(-std::ldexp(static_cast<double>(x), -kHazardFractionBits))));
  }
  return activation;
}

}  // namespace eldr
