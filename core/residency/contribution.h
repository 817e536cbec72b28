// What a request adds to the residency of its node, a byte per cell.
//
// For an activation chance p a request adds the hazard x = -ln(1 - p) (design: section 3). A
// contribution keeps them quantized, as codes: code 0 is no hazard, codes 1 to 255 are spaced
// evenly in ln x between 2^-16 and -ln(1 - 0.98) = 3.912, 5 % apart. An estimate rounds up or down
// by cell, so that errors cancel in sums. Everything downstream (hazards, activations) is read from
// the code: what is scored is exactly what is reserved and later given back.
#ifndef ELDR_CORE_RESIDENCY_CONTRIBUTION_H_
#define ELDR_CORE_RESIDENCY_CONTRIBUTION_H_

#include <array>
#include <cstdint>

#include "absl/types/span.h"
#include "core/model/model_geometry.h"
#include "core/signature/activation_prior.h"
#include "core/signature/expert_signature.h"

namespace eldr {

inline constexpr std::size_t kHazardCodes = 256;
// The largest chance that a code stands for.
inline constexpr double kMaxActivation = 0.98;
// Hazards are kept in fixed point with this many fractional bits.
inline constexpr int kHazardFractionBits = 16;

// The hazard of each code in fixed point.
const std::array<std::int32_t, kHazardCodes>& HazardOfCode();

// The code whose hazard is nearest (in ln x) to that of an activation chance, which is clamped to
// [0, kMaxActivation].
std::uint8_t CodeOfActivation(float activation);

// The chance that at least one of `multiplicity` tokens activates the expert, for each code.
std::array<float, kHazardCodes> ActivationOfCode(std::uint32_t multiplicity);

struct EstimateParameters {
  double kappa = 2;               // weight of the prior, in tokens; > 0
  double p_max = kMaxActivation;  // no expert is taken for certain; in (0, kMaxActivation]
  double n0 = 300;                // the tokens that a long prompt counts for at most; > 0

  friend bool operator==(const EstimateParameters&, const EstimateParameters&) = default;
};

// Estimates the chance that one decode step of a request activates each expert, by shrinkage of its
// signature towards the prior, and writes the codes:
//   n = tokens * n0 / (tokens + n0)
//   p = min(p_max, (n * counts / tokens + kappa * p0) / (n + kappa))
// A null signature, and a layer that is not covered, takes p0. REQUIRES: codes.size() is the cells.
void EstimateContribution(const ExpertSignature* signature, const ActivationPrior& prior,
                          const ModelGeometry& geometry, const EstimateParameters& parameters,
                          absl::Span<std::uint8_t> codes);

}  // namespace eldr

#endif  // ELDR_CORE_RESIDENCY_CONTRIBUTION_H_
