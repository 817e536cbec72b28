#include "core/profile/profile.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr {
namespace {

// How far the norm of a centroid may be from one.
constexpr double kNormTolerance = 1e-3;

constexpr std::uint32_t kMaxLayers = 1024;
constexpr std::uint32_t kMaxExperts = 4096;

template <typename... Parts>
absl::Status Invalid(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

absl::Status CheckMask(const SignatureTransform& transform) {
  const std::vector<std::uint32_t>& mask = transform.layer_mask;
  if (mask.empty()) return Invalid("layer_mask: is empty, expected at least one layer");
  for (std::size_t i = 0; i < mask.size(); ++i) {
    if (mask[i] >= transform.layers) {
      return Invalid("layer_mask[", i, "]: got ", mask[i], ", expected less than ",
                     transform.layers, " (L)");
    }
    if (i > 0 && mask[i] <= mask[i - 1]) {
      return Invalid("layer_mask[", i, "]: got ", mask[i], " after ", mask[i - 1],
                     ", expected distinct layers in ascending order");
    }
  }
  if (transform.variant == SignatureVariant::kCount && mask.size() != transform.layers) {
    return Invalid("layer_mask: got ", mask.size(), " layers, expected all ", transform.layers,
                   " (L): the variant count has no mask");
  }
  return absl::OkStatus();
}

absl::Status CheckIdf(const SignatureTransform& transform) {
  const std::vector<float>& idf = transform.idf;
  if (transform.variant != SignatureVariant::kCountIdf) {
    if (idf.empty()) return absl::OkStatus();
    return Invalid("sig_idf: got ", idf.size(), " weights, expected none: the variant ",
                   Name(transform.variant), " has no IDF");
  }
  if (idf.size() != transform.dimension()) {
    return Invalid("sig_idf: got ", idf.size(), " weights, expected ", transform.dimension(), " (",
                   transform.layer_mask.size(), " layers of layer_mask x ", transform.experts,
                   " experts)");
  }
  for (std::size_t i = 0; i < idf.size(); ++i) {
    if (!(std::isfinite(idf[i]) && idf[i] >= 0)) {
      return Invalid("sig_idf[", i, "]: got ", idf[i], ", expected a finite number of at least 0");
    }
  }
  if (std::all_of(idf.begin(), idf.end(), [](float weight) { return weight == 0; })) {
    return Invalid("sig_idf: all weights are 0, expected one that is not");
  }
  return absl::OkStatus();
}

absl::Status CheckCentroids(const VectorSet& centroids, std::size_t dimension) {
  if (centroids.empty()) return Invalid("centroids: is empty, expected at least one");
  if (centroids.dimension() != dimension) {
    return Invalid("centroids: rows of ", centroids.dimension(), " numbers, expected ", dimension,
                   " (layers of the mask x experts)");
  }
  for (std::size_t i = 0; i < centroids.size(); ++i) {
    double square = 0;
    for (const float value : centroids[i]) square += double{value} * double{value};
    const double norm = std::sqrt(square);
    if (!(std::abs(norm - 1) <= kNormTolerance)) {
      return Invalid("centroids[", i, "]: has the norm ", norm, ", expected 1 (within ",
                     kNormTolerance, ")");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateProfile(const Profile& profile) {
  const SignatureTransform& transform = profile.transform;
  if (transform.layers < 1 || transform.layers > kMaxLayers) {
    return Invalid("L: got ", transform.layers, ", expected 1 to ", kMaxLayers);
  }
  if (transform.experts < 1 || transform.experts > kMaxExperts) {
    return Invalid("e: got ", transform.experts, ", expected 1 to ", kMaxExperts);
  }
  ELDR_RETURN_IF_ERROR(CheckMask(transform));
  ELDR_RETURN_IF_ERROR(CheckIdf(transform));
  return CheckCentroids(profile.centroids, transform.dimension());
}

absl::Status CheckProfileServes(const Profile& profile, const ModelGeometry& geometry) {
  const SignatureTransform& transform = profile.transform;
  if (transform.layers != geometry.layers) {
    return Invalid("profile.L: got ", transform.layers, ", expected ", geometry.layers,
                   " (the model's MoE layers)");
  }
  if (transform.experts != geometry.experts) {
    return Invalid("profile.e: got ", transform.experts, ", expected ", geometry.experts,
                   " (the model's experts per layer)");
  }
  if (transform.variant == SignatureVariant::kGateProbAll) {
    return Invalid("profile.variant: got gate_prob_all, expected count or count_idf: signatures ",
                   "carry counts, not gate probabilities");
  }
  return absl::OkStatus();
}

}  // namespace eldr
