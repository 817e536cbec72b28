// Fits a profile to captured requests.
#ifndef ELDR_TOOLS_FIT_PROFILE_FIT_H_
#define ELDR_TOOLS_FIT_PROFILE_FIT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "core/profile/fit_progress.h"
#include "core/profile/profile.h"
#include "tools/fit/layer_mask.h"

namespace eldr {

// What is known of some requests: a vector of layers * experts values for each.
struct FitInput {
  std::uint32_t layers = 0;
  std::uint32_t experts = 0;
  VectorSet signatures;     // prefill counts, or gate probabilities for kGateProbAll
  VectorSet decode_counts;  // of the same requests in the same order; empty if not known
};

struct FitOptions {
  SignatureVariant variant = SignatureVariant::kCountIdf;
  std::size_t nodes = 0;  // how many centroids
  std::uint64_t seed = 1;
};

struct FitQuality {
  // How the layer mask came about; none if it is all layers, for want of decode counts or because
  // the variant has no mask.
  std::optional<LayerMask> mask;
  std::size_t requests = 0;  // that were clustered
  std::size_t left_out = 0;  // that vanish under the transform
  std::vector<std::size_t> cluster_sizes;
  double mean_cosine = 0;    // of requests with the centroid of their cluster
  double nearest_share = 0;  // of requests whose cluster's centroid is the nearest to them
  std::size_t iterations = 0;
  bool converged = false;
};

struct FittedProfile {
  Profile profile;
  FitQuality quality;
};

// Equal input and seed give an equal profile. INVALID_ARGUMENT if the input is inconsistent, holds
// a negative or infinite value, or has fewer usable requests than nodes.
absl::StatusOr<FittedProfile> FitProfile(const FitInput& input, const FitOptions& options,
                                         FitProgress progress);

}  // namespace eldr

#endif  // ELDR_TOOLS_FIT_PROFILE_FIT_H_
