// From an expert signature to the unit vector that is compared with centroids.
//
// The counts of the layers of the mask, each times its IDF weight, flattened, and L2-normalised
// once over the whole vector (design: section 4).
#ifndef ELDR_CORE_PROFILE_SIGNATURE_TRANSFORM_H_
#define ELDR_CORE_PROFILE_SIGNATURE_TRANSFORM_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/profile/vector_set.h"
#include "core/signature/expert_signature.h"

namespace eldr {

enum class SignatureVariant : std::uint8_t {
  kCount,        // counts of all layers, no weights
  kCountIdf,     // weighted counts of the mask's layers
  kGateProbAll,  // gate probabilities of the mask's layers, no weights
};
// "count", "count_idf" or "gate_prob_all".
absl::string_view Name(SignatureVariant variant);
std::optional<SignatureVariant> ParseSignatureVariant(absl::string_view name);

// Plain data. A const one may be used from many threads.
struct SignatureTransform {
  SignatureVariant variant = SignatureVariant::kCount;
  std::uint32_t layers = 0;
  std::uint32_t experts = 0;
  std::vector<std::uint32_t> layer_mask;  // ascending, distinct, below `layers`; all for kCount
  std::vector<float> idf;                 // dimension() weights for kCountIdf, else none

  std::size_t cells() const { return std::size_t{layers} * experts; }
  std::size_t dimension() const { return layer_mask.size() * experts; }

  // Writes the unit vector; zeros, answering false, if the input vanishes under the transform.
  // Does not allocate. REQUIRES: cells() values in, dimension() out; the signature's geometry.
  bool Apply(absl::Span<const float> values, absl::Span<float> out) const;
  bool Apply(const ExpertSignature& signature, absl::Span<float> out) const;

  friend bool operator==(const SignatureTransform&, const SignatureTransform&) = default;
};

// The variant kCount.
SignatureTransform CountTransform(std::uint32_t layers, std::uint32_t experts);

// ln((C + 1) / (df + 1)) per cell, df of the C vectors having more than zero there.
std::vector<float> FitIdf(const VectorSet& counts);

}  // namespace eldr

#endif  // ELDR_CORE_PROFILE_SIGNATURE_TRANSFORM_H_
