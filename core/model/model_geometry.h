// The shape of a mixture-of-experts model.
#ifndef ELDR_CORE_MODEL_MODEL_GEOMETRY_H_
#define ELDR_CORE_MODEL_MODEL_GEOMETRY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace eldr {

// Counts MoE layers only; a cell is one (layer, expert), at index layer * experts + expert.
struct ModelGeometry {
  std::uint32_t layers = 0;   // 1 to 1,024
  std::uint32_t experts = 0;  // routed experts per layer, 2 to 4,096
  std::uint32_t top_k = 0;    // experts a token activates per layer, 1 to experts
  // Which hidden layers are the MoE layers, strictly ascending; empty if not told.
  std::vector<std::uint32_t> moe_hidden_layers;

  std::size_t cells() const { return std::size_t{layers} * experts; }
  friend bool operator==(const ModelGeometry&, const ModelGeometry&) = default;
};

// The most cells a model may have; bounds what one request or node can make the daemon allocate.
inline constexpr std::size_t kMaxCells = 262'144;

// INVALID_ARGUMENT, naming the field, if a limit above is broken.
absl::Status ValidateGeometry(const ModelGeometry& geometry);

// "48 layers x 128 experts, top-8".
std::string DescribeGeometry(const ModelGeometry& geometry);

}  // namespace eldr

#endif  // ELDR_CORE_MODEL_MODEL_GEOMETRY_H_
