#include "core/residency/residency_map.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/residency/contribution.h"

namespace eldr {
namespace {

// exp(-x) of a fixed-point x is the product of two table entries, one for its high bits and one for
// its low bits: exact to float rounding, the same on every machine, and cheaper than a call of exp.
constexpr int kLowBits = 11;
constexpr std::size_t kLowSize = std::size_t{1} << kLowBits;
// Above x = 32 the survival, 1e-14, is nothing.
constexpr std::size_t kHighSize = std::size_t{32} << (kHazardFractionBits - kLowBits);

struct SurvivalTables {
  std::array<float, kLowSize> low{};
  std::array<float, kHighSize + 1> high{};

  SurvivalTables() {
    for (std::size_t i = 0; i < kLowSize; ++i) {
      low[i] =
          static_cast<float>(std::exp(-std::ldexp(static_cast<double>(i), -kHazardFractionBits)));
    }
    for (std::size_t i = 0; i < kHighSize; ++i) {
      high[i] = static_cast<float>(
          std::exp(-std::ldexp(static_cast<double>(i), kLowBits - kHazardFractionBits)));
    }
    high[kHighSize] = 0;
  }
};

const SurvivalTables& GetTables() {
  static const SurvivalTables tables;
  return tables;
}

// Independent partial sums: strict floating point forbids the compiler to make them itself, and a
// single one would wait for every addition.
constexpr std::size_t kLanes = 16;

double SumOf(const std::array<float, kLanes>& lanes) {
  double sum = 0;
  for (const float lane : lanes) sum += lane;
  return sum;
}

}  // namespace

ResidencyMap::ResidencyMap(std::size_t cells) : hazard_(cells, 0), survival_(cells, 1.0f) {}

void ResidencyMap::Add(absl::Span<const std::uint8_t> codes, std::uint32_t multiplicity) {
  weight_ += multiplicity;
  Change(codes, static_cast<std::int32_t>(multiplicity));
}

void ResidencyMap::Remove(absl::Span<const std::uint8_t> codes, std::uint32_t multiplicity) {
  weight_ -= multiplicity;
  Change(codes, -static_cast<std::int32_t>(multiplicity));
}

void ResidencyMap::Change(absl::Span<const std::uint8_t> codes,
                          std::int32_t sign_and_multiplicity) {
  const auto& hazard_of_code = HazardOfCode();
  const SurvivalTables& tables = GetTables();
  const std::size_t cells = hazard_.size();
  for (std::size_t i = 0; i < cells; ++i) {
    hazard_[i] += hazard_of_code[codes[i]] * sign_and_multiplicity;
    const auto x = static_cast<std::uint32_t>(hazard_[i]);
    survival_[i] = tables.high[std::min<std::size_t>(x >> kLowBits, kHighSize)] *
                   tables.low[x & (kLowSize - 1)];
  }
  std::array<float, kLanes> lanes{};
  std::size_t i = 0;
  for (; i + kLanes <= cells; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += 1.0f - survival_[i + lane];
  }
  for (; i < cells; ++i) lanes[i % kLanes] += 1.0f - survival_[i];
  expected_experts_ = SumOf(lanes);
}

double ResidencyMap::MarginalExperts(absl::Span<const float> activation) const {
  std::array<float, kLanes> lanes{};
  const std::size_t cells = survival_.size();
  const float* p = activation.data();
  const float* s = survival_.data();
  std::size_t i = 0;
  for (; i + kLanes <= cells; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += p[i + lane] * s[i + lane];
  }
  for (; i < cells; ++i) lanes[i % kLanes] += p[i] * s[i];
  return SumOf(lanes);
}

}  // namespace eldr
