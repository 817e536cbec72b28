#include "core/residency/contribution.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace eldr {
namespace {

// Finding a code needs a logarithm of a logarithm. A table over the leading bits of the float does
// it in one look-up: 17 powers of two (2^-17 to 1), each in 256 parts. Near p_max, where the hazard
// is steepest, a part spans 5 % of it, as much as a code does.
constexpr int kLookupMantissaBits = 8;
constexpr int kLookupShift = 23 - kLookupMantissaBits;
constexpr int kLookupPowers = 17;
constexpr std::uint32_t kLookupSize = kLookupPowers << kLookupMantissaBits;
constexpr std::uint32_t kLookupBase = (127u - kLookupPowers) << kLookupMantissaBits;

double SmallestHazard() { return std::ldexp(1.0, -kHazardFractionBits); }
double LargestHazard() { return -std::log1p(-kMaxActivation); }

double ExactHazard(int code) {
  const double t = (code - 1) / 254.0;
  return SmallestHazard() * std::pow(LargestHazard() / SmallestHazard(), t);
}

struct Tables {
  std::array<std::int32_t, kHazardCodes> hazard{};
  // In sixteenths of a code.
  std::array<std::uint16_t, kLookupSize> fine_code{};

  Tables() {
    for (int code_value = 1; code_value < 256; ++code_value) {
      hazard[static_cast<std::size_t>(code_value)] = static_cast<std::int32_t>(
          std::lround(std::ldexp(ExactHazard(code_value), kHazardFractionBits)));
    }
    for (std::uint32_t i = 0; i < kLookupSize; ++i) {
      // The middle of the part stands for all of it.
      const std::uint32_t bits = ((kLookupBase + i) << kLookupShift) | (1u << (kLookupShift - 1));
      fine_code[i] = FineCodeOf(std::bit_cast<float>(bits));
    }
  }

  static std::uint16_t FineCodeOf(double activation) {
    const double x = -std::log1p(-std::min(activation, kMaxActivation));
    const double place =
        std::log(x / SmallestHazard()) / std::log(LargestHazard() / SmallestHazard());
    return static_cast<std::uint16_t>(std::round(16 * std::clamp(1 + 254 * place, 0.0, 255.0)));
  }
};

const Tables& GetTables() {
  static const Tables tables;
  return tables;
}

// The code at or above the chance's place, the more often the nearer it is: with dithers spread
// evenly over the cells, the rounding errors of equal chances cancel, where a fixed rule would add
// them up.
inline std::uint8_t Lookup(const Tables& tables, float activation, std::uint32_t dither) {
  const std::uint32_t place = std::bit_cast<std::uint32_t>(activation) >> kLookupShift;
  if (place < kLookupBase) return 0;
  const std::uint32_t fine = tables.fine_code[std::min(place - kLookupBase, kLookupSize - 1)];
  return static_cast<std::uint8_t>((fine + dither) >> 4);
}

// 0 to 15, each once, neighbours far apart.
constexpr std::array<std::uint8_t, 16> kDithers = {0, 8, 4, 12, 2, 10, 6, 14,
                                                   1, 9, 5, 13, 3, 11, 7, 15};

inline std::uint32_t DitherOf(std::size_t cell) { return kDithers[cell % kDithers.size()]; }

}  // namespace

const std::array<std::int32_t, kHazardCodes>& HazardOfCode() { return GetTables().hazard; }

std::uint8_t CodeOfActivation(float activation) {
  return Lookup(GetTables(), std::max(activation, 0.0f), 8);
}

std::array<float, kHazardCodes> ActivationOfCode(std::uint32_t multiplicity) {
  std::array<float, kHazardCodes> activation;
  for (std::size_t code = 0; code < kHazardCodes; ++code) {
    const double hazard = std::ldexp(HazardOfCode()[code], -kHazardFractionBits);
    activation[code] = static_cast<float>(-std::expm1(-hazard * multiplicity));
  }
  return activation;
}

void EstimateContribution(const ExpertSignature* signature, const ActivationPrior& prior,
                          const ModelGeometry& geometry, const EstimateParameters& parameters,
                          absl::Span<std::uint8_t> codes) {
  const Tables& tables = GetTables();
  const absl::Span<const float> p0 = prior.activation();
  const std::size_t experts = geometry.experts;
  const auto p_max = static_cast<float>(parameters.p_max);
  const auto take_prior = [&](std::size_t layer) {
    for (std::size_t cell = layer * experts; cell < (layer + 1) * experts; ++cell) {
      codes[cell] = Lookup(tables, std::min(p_max, p0[cell]), DitherOf(cell));
    }
  };
  if (signature == nullptr) {
    for (std::size_t layer = 0; layer < geometry.layers; ++layer) take_prior(layer);
    return;
  }
  const double tokens = signature->tokens();
  const double n = tokens * parameters.n0 / (tokens + parameters.n0);
  const auto per_count = static_cast<float>(n / (tokens * (n + parameters.kappa)));
  const auto per_prior = static_cast<float>(parameters.kappa / (n + parameters.kappa));
  signature->VisitCounts([&](const auto* counts) {
    for (std::size_t layer = 0; layer < geometry.layers; ++layer) {
      if (!signature->LayerCovered(layer)) {
        take_prior(layer);
        continue;
      }
      for (std::size_t cell = layer * experts; cell < (layer + 1) * experts; ++cell) {
        const float p = static_cast<float>(counts[cell]) * per_count + p0[cell] * per_prior;
        codes[cell] = Lookup(tables, std::min(p_max, p), DitherOf(cell));
      }
    }
  });
}

}  // namespace eldr
