// The shape of a model, as far as it is known when ids are decoded.
#ifndef ELDR_CLIENT_ENGINES_GEOMETRY_H_
#define ELDR_CLIENT_ENGINES_GEOMETRY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"

namespace eldr::engines {

// As many experts as a layer may have, layers a model, and cells (layers * experts): the limits of
// v1::ModelGeometry.
inline constexpr std::uint32_t kMaxExperts = 4'096;
inline constexpr std::uint32_t kMaxLayers = 1'024;
inline constexpr std::uint64_t kMaxCells = 262'144;
// Far more hidden layers, dense ones included, than any model has.
inline constexpr std::uint32_t kMaxHiddenLayers = 4'096;
// As many tokens as a signature may cover.
inline constexpr std::uint32_t kMaxTokens = 16'777'216;

// A number of 0 is not known, and taken from the data where the form tells it.
struct Geometry {
  std::uint32_t layers = 0;   // MoE layers only
  std::uint32_t experts = 0;  // routed experts per layer
  std::uint32_t top_k = 0;    // experts a token activates per layer
  // Which hidden layers are the MoE layers, strictly ascending; empty if not known. Engines return
  // a row for every hidden layer; those of dense layers mean nothing and are dropped by this.
  std::vector<std::uint32_t> moe_hidden_layers;
};

// INVALID_ARGUMENT, naming the field, if a known number is over its limit, top_k over experts, or
// moe_hidden_layers is not ascending or not as many as layers.
absl::Status CheckGeometry(const Geometry& geometry);

}  // namespace eldr::engines

#endif  // ELDR_CLIENT_ENGINES_GEOMETRY_H_
