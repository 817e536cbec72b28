// Which layers' routing tells best how alike two requests will be in decode.
#ifndef ELDR_TOOLS_FIT_LAYER_MASK_H_
#define ELDR_TOOLS_FIT_LAYER_MASK_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "core/profile/fit_progress.h"
#include "core/profile/vector_set.h"

namespace eldr {

struct LayerMask {
  struct Step {
    std::uint32_t layer = 0;
    double correlation = 0;  // of the layers up to this one together
  };
  // Every layer, in the order of their selection.
  std::vector<Step> path;
  // So many of the path are the mask: up to where the correlation first is at its highest.
  std::size_t kept = 0;

  // Of the mask. REQUIRES: kept > 0.
  double correlation() const { return path[kept - 1].correlation; }
  // The mask, ascending.
  std::vector<std::uint32_t> layers() const;
};

// Greedy forward selection: each step adds the layer that brings the rank correlation between the
// requests' distances by signature (cosine, over the layers so far) and by decode counts (cosine,
// all layers) highest; at equal value the lower layer. Distances are over `pairs` random pairs of
// different requests, drawn by `seed`.
//
// `signatures` are untransformed but for their weights; both sets hold layers * experts values per
// request. INVALID_ARGUMENT if there are less than two requests, or all decode alike.
absl::StatusOr<LayerMask> SelectLayers(const VectorSet& signatures, const VectorSet& decode_counts,
                                       std::uint32_t layers, std::uint64_t seed,
                                       FitProgress progress, std::size_t pairs = 30'000);

}  // namespace eldr

#endif  // ELDR_TOOLS_FIT_LAYER_MASK_H_
