#include "client/engines/geometry.h"

#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"

namespace eldr::engines {
namespace {

absl::Status Refuse(absl::string_view field, std::uint64_t value, absl::string_view expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("geometry.", field, " is ", value, ", expected ", expected));
}

}  // namespace

absl::Status CheckGeometry(const Geometry& geometry) {
  if (geometry.layers > kMaxLayers) {
    return Refuse("layers", geometry.layers, absl::StrCat("at most ", kMaxLayers));
  }
  if (geometry.experts > kMaxExperts) {
    return Refuse("experts", geometry.experts, absl::StrCat("at most ", kMaxExperts));
  }
  const std::uint64_t cells = std::uint64_t{geometry.layers} * geometry.experts;
  if (cells > kMaxCells) {
    return Refuse("layers * experts", cells, absl::StrCat("at most ", kMaxCells));
  }
  const std::uint32_t most = geometry.experts == 0 ? kMaxExperts : geometry.experts;
  if (geometry.top_k > most) {
    return Refuse("top_k", geometry.top_k, absl::StrCat("at most ", most, ", the experts"));
  }
  const std::vector<std::uint32_t>& hidden = geometry.moe_hidden_layers;
  if (!hidden.empty() && geometry.layers != 0 && hidden.size() != geometry.layers) {
    return Refuse("moe_hidden_layers", hidden.size(),
                  absl::StrCat("as many as layers, ", geometry.layers));
  }
  const auto fall = std::adjacent_find(hidden.begin(), hidden.end(), std::greater_equal<>());
  if (fall != hidden.end()) {
    return Refuse("moe_hidden_layers", *(fall + 1), "strictly ascending layers");
  }
  return absl::OkStatus();
}

}  // namespace eldr::engines
