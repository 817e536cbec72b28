#include "core/residency/contribution.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/residency/estimate_kernel.h"

namespace eldr {
namespace {

double SmallestHazard() { return std::ldexp(1.0, -kHazardFractionBits); }
double LargestHazard() { return -std::log1p(-kMaxActivation); }

double ExactHazard(int code) {
  const double t = (code - 1) / 254.0;
  return SmallestHazard() * std::pow(LargestHazard() / SmallestHazard(), t);
}

struct Tables {
  std::array<std::int32_t, kHazardCodes> hazard{};
  FineCodes fine_code{};

  Tables() {
    for (int code_value = 1; code_value < 256; ++code_value) {
      hazard[static_cast<std::size_t>(code_value)] = static_cast<std::int32_t>(
          std::lround(std::ldexp(ExactHazard(code_value), kHazardFractionBits)));
    }
    for (std::uint32_t i = 0; i < kLookupSize; ++i) {
      // The middle of the part stands for all of it.
      const std::uint32_t bits = ((kLookupBase + i) << kLookupShift) | (1u << (kLookupShift - 1));
      fine_code[1 + i] = FineCodeOf(std::bit_cast<float>(bits));
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

inline std::uint8_t Lookup(const Tables& tables, float activation, std::uint32_t dither) {
  const std::uint32_t place = std::bit_cast<std::uint32_t>(activation) >> kLookupShift;
  if (place < kLookupBase) return 0;
  const std::uint32_t fine = tables.fine_code[1 + std::min(place - kLookupBase, kLookupSize - 1)];
  return static_cast<std::uint8_t>((fine + dither) >> 4);
}

inline std::uint32_t DitherOf(std::size_t cell) {
  return static_cast<std::uint32_t>(kDithers[cell % 16]);
}

// The first layer from `begin` on that is covered if `begin` is not, and not if it is.
std::size_t EndOfRun(const ExpertSignature& signature, std::size_t begin, std::size_t layers) {
  const bool covered = signature.LayerCovered(begin);
  std::size_t end = begin + 1;
  while (end < layers && signature.LayerCovered(end) == covered) ++end;
  return end;
}

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
  const float* p0 = prior.activation().data();
  const auto p_max = static_cast<float>(parameters.p_max);
  const auto take_prior = [&](std::size_t begin, std::size_t end) {
    if (end - begin >= kLeastCells) {
      return PriorCodes(p0, p_max, tables.fine_code, begin, end, codes.data());
    }
    for (std::size_t cell = begin; cell < end; ++cell) {
      codes[cell] = Lookup(tables, std::min(p_max, p0[cell]), DitherOf(cell));
    }
  };
  if (signature == nullptr) return take_prior(0, geometry.cells());
  const double tokens = signature->tokens();
  const double n = tokens * parameters.n0 / (tokens + parameters.n0);
  const EstimateScales scales = {static_cast<float>(n / (tokens * (n + parameters.kappa))),
                                 static_cast<float>(parameters.kappa / (n + parameters.kappa)),
                                 p_max};
  signature->VisitCounts([&](const auto* counts) {
    const auto estimate = [&](std::size_t begin, std::size_t end) {
      if (end - begin >= kLeastCells) {
        return EstimateCodes(counts, p0, scales, tables.fine_code, begin, end, codes.data());
      }
      for (std::size_t cell = begin; cell < end; ++cell) {
        const float p =
            static_cast<float>(counts[cell]) * scales.per_count + p0[cell] * scales.per_prior;
        codes[cell] = Lookup(tables, std::min(p_max, p), DitherOf(cell));
      }
    };
    for (std::size_t layer = 0; layer < geometry.layers;) {
      const std::size_t end = EndOfRun(*signature, layer, geometry.layers);
      const std::size_t first_cell = layer * geometry.experts, end_cell = end * geometry.experts;
      if (signature->LayerCovered(layer)) {
        estimate(first_cell, end_cell);
      } else {
        take_prior(first_cell, end_cell);
      }
      layer = end;
    }
  });
}

}  // namespace eldr
