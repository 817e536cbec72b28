#include "core/profile/signature_transform.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/base/enum_name.h"

namespace eldr {
namespace {

constexpr absl::string_view kVariants[] = {"count", "count_idf", "gate_prob_all"};

// Below this a vector is taken for zero.
constexpr double kLeastNorm = 1e-9;

template <typename Value>
bool ApplyTo(const SignatureTransform& transform, const Value* values, absl::Span<float> out) {
  const std::size_t experts = transform.experts;
  float* packed = out.data();
  for (const std::uint32_t layer : transform.layer_mask) {
    const Value* row = values + std::size_t{layer} * experts;
    for (std::size_t e = 0; e < experts; ++e) packed[e] = static_cast<float>(row[e]);
    packed += experts;
  }
  for (std::size_t i = 0; i < transform.idf.size(); ++i) out[i] *= transform.idf[i];

  double square = 0;
  for (const float value : out) square += double{value} * double{value};
  const double norm = std::sqrt(square);
  if (!(norm > kLeastNorm)) {
    std::fill(out.begin(), out.end(), 0.0f);
    return false;
  }
  const auto scale = static_cast<float>(1 / norm);
  for (float& value : out) value *= scale;
  return true;
}

}  // namespace

absl::string_view Name(SignatureVariant variant) { return EnumName(kVariants, variant); }

std::optional<SignatureVariant> ParseSignatureVariant(absl::string_view name) {
  for (const auto variant :
       {SignatureVariant::kCount, SignatureVariant::kCountIdf, SignatureVariant::kGateProbAll}) {
    if (name == Name(variant)) return variant;
  }
  return std::nullopt;
}

bool SignatureTransform::Apply(absl::Span<const float> values, absl::Span<float> out) const {
  return ApplyTo(*this, values.data(), out);
}

bool SignatureTransform::Apply(const ExpertSignature& signature, absl::Span<float> out) const {
  return signature.VisitCounts([&](const auto* counts) { return ApplyTo(*this, counts, out); });
}

SignatureTransform CountTransform(std::uint32_t layers, std::uint32_t experts) {
  SignatureTransform transform;
  transform.layers = layers;
  transform.experts = experts;
  transform.layer_mask.resize(layers);
  std::iota(transform.layer_mask.begin(), transform.layer_mask.end(), 0u);
  return transform;
}

std::vector<float> FitIdf(const VectorSet& counts) {
  std::vector<std::uint32_t> frequency(counts.dimension());
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const absl::Span<const float> row = counts[i];
    for (std::size_t cell = 0; cell < row.size(); ++cell) frequency[cell] += row[cell] > 0;
  }
  std::vector<float> idf(counts.dimension());
  const double requests = static_cast<double>(counts.size()) + 1;
  for (std::size_t cell = 0; cell < idf.size(); ++cell) {
    idf[cell] = static_cast<float>(std::log(requests / (frequency[cell] + 1.0)));
  }
  return idf;
}

}  // namespace eldr
