#include "tools/fit/profile_fit.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/profile/assignment.h"
#include "core/profile/balanced_kmeans.h"
#include "core/profile/fit_stream.h"

namespace eldr {
namespace {

// Keeps what the clusters draw apart from what the mask draws with the same seed.
constexpr std::uint64_t kClusterStream = 0x636c7573746572;

absl::Status CheckVectors(absl::string_view name, const VectorSet& vectors, std::size_t size,
                          std::size_t cells) {
  if (vectors.size() != size || vectors.dimension() != cells) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": got ", vectors.size(), " x ",
                                                   vectors.dimension(), ", expected ", size, " x ",
                                                   cells, " (requests x layers * experts)"));
  }
  for (std::size_t i = 0; i < vectors.values().size(); ++i) {
    const float value = vectors.values()[i];
    if (std::isfinite(value) && value >= 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(name, ": request ", i / cells,
                                                   " has a value of ", value,
                                                   ", expected a finite one of at least 0"));
  }
  return absl::OkStatus();
}

absl::Status CheckInput(const FitInput& input, const FitOptions& options) {
  if (options.nodes == 0) return absl::InvalidArgumentError("nodes: got 0, expected at least 1");
  const std::size_t cells = std::size_t{input.layers} * input.experts;
  ELDR_RETURN_IF_ERROR(
      CheckVectors("signatures", input.signatures, input.signatures.size(), cells));
  if (input.decode_counts.empty()) return absl::OkStatus();
  return CheckVectors("decode counts", input.decode_counts, input.signatures.size(), cells);
}

VectorSet Weighted(const VectorSet& signatures, const std::vector<float>& idf) {
  VectorSet weighted = signatures;
  for (std::size_t i = 0; i < weighted.size(); ++i) {
    absl::Span<float> row = weighted[i];
    for (std::size_t cell = 0; cell < idf.size(); ++cell) row[cell] *= idf[cell];
  }
  return weighted;
}

// The values of `cells` in the layers of the mask.
std::vector<float> Packed(const std::vector<float>& cells, const SignatureTransform& transform) {
  std::vector<float> packed;
  packed.reserve(transform.dimension());
  for (const std::uint32_t layer : transform.layer_mask) {
    const auto begin = cells.begin() + std::ptrdiff_t{layer} * transform.experts;
    packed.insert(packed.end(), begin, begin + transform.experts);
  }
  return packed;
}

absl::StatusOr<SignatureTransform> FitTransform(const FitInput& input, const FitOptions& options,
                                                FitProgress progress, FitQuality& quality) {
  SignatureTransform transform = CountTransform(input.layers, input.experts);
  transform.variant = options.variant;
  if (options.variant == SignatureVariant::kCount) return transform;
  std::vector<float> idf;
  if (options.variant == SignatureVariant::kCountIdf) idf = FitIdf(input.signatures);
  if (!input.decode_counts.empty()) {
    ELDR_ASSIGN_OR_RETURN(quality.mask,
                          SelectLayers(Weighted(input.signatures, idf), input.decode_counts,
                                       input.layers, options.seed, progress));
    transform.layer_mask = quality.mask->layers();
  }
  if (!idf.empty()) transform.idf = Packed(idf, transform);
  return transform;
}

void Judge(const VectorSet& points, const Clusters& clusters, FitQuality& quality) {
  const VectorSet distances = CosineDistances(points, clusters.centroids);
  quality.cluster_sizes.assign(clusters.centroids.size(), 0);
  std::size_t nearest = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::uint32_t cluster = clusters.assigned[i];
    ++quality.cluster_sizes[cluster];
    const float own = distances[i][cluster];
    quality.mean_cosine += 1 - double{own};
    bool is_nearest = true;
    for (const float distance : distances[i]) is_nearest = is_nearest && own <= distance;
    nearest += is_nearest;
  }
  quality.mean_cosine /= static_cast<double>(points.size());
  quality.nearest_share = static_cast<double>(nearest) / static_cast<double>(points.size());
}

}  // namespace

absl::StatusOr<FittedProfile> FitProfile(const FitInput& input, const FitOptions& options,
                                         FitProgress progress) {
  ELDR_RETURN_IF_ERROR(CheckInput(input, options));
  FittedProfile fitted;
  FitQuality& quality = fitted.quality;
  SignatureTransform& transform = fitted.profile.transform;
  ELDR_ASSIGN_OR_RETURN(transform, FitTransform(input, options, progress, quality));

  VectorSet points;
  std::vector<float> point(transform.dimension());
  for (std::size_t i = 0; i < input.signatures.size(); ++i) {
    if (transform.Apply(input.signatures[i], absl::MakeSpan(point))) points.Add(point);
  }
  quality.requests = points.size();
  quality.left_out = input.signatures.size() - points.size();
  if (points.size() < options.nodes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "signatures: ", points.size(), " are usable (", quality.left_out,
        " vanish under the transform), expected at least ", options.nodes, " (nodes)"));
  }
  FitStream stream(options.seed ^ kClusterStream);
  Clusters clusters =
      BalancedKMeans(points, DrawCentroids(points, options.nodes, stream), progress);
  Judge(points, clusters, quality);
  quality.iterations = clusters.iterations;
  quality.converged = clusters.converged;
  fitted.profile.centroids = std::move(clusters.centroids);
  ELDR_RETURN_IF_ERROR(ValidateProfile(fitted.profile));
  return fitted;
}

}  // namespace eldr
