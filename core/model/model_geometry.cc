#include "core/model/model_geometry.h"

#include "absl/strings/str_cat.h"

namespace eldr {
namespace {

absl::Status CheckRange(absl::string_view field, std::size_t value, std::size_t least,
                        std::size_t most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("geometry.", field, ": got ", value, ", expected ", least, " to ", most));
}

}  // namespace

absl::Status ValidateGeometry(const ModelGeometry& geometry) {
  if (auto status = CheckRange("layers", geometry.layers, 1, 1024); !status.ok()) return status;
  if (auto status = CheckRange("experts", geometry.experts, 2, 4096); !status.ok()) return status;
  if (auto status = CheckRange("top_k", geometry.top_k, 1, geometry.experts); !status.ok()) {
    return status;
  }
  if (geometry.cells() > kMaxCells) {
    return absl::InvalidArgumentError(absl::StrCat(
        "geometry: layers * experts is ", geometry.cells(), ", expected at most ", kMaxCells));
  }
  const auto& hidden = geometry.moe_hidden_layers;
  if (hidden.empty()) return absl::OkStatus();
  if (hidden.size() != geometry.layers) {
    return absl::InvalidArgumentError(absl::StrCat("geometry.moe_hidden_layers: got ",
                                                   hidden.size(), " layers, expected ",
                                                   geometry.layers, " (geometry.layers) or none"));
  }
  for (std::size_t i = 1; i < hidden.size(); ++i) {
    if (hidden[i] <= hidden[i - 1]) {
      return absl::InvalidArgumentError(
          absl::StrCat("geometry.moe_hidden_layers[", i, "]: got ", hidden[i],
                       ", expected more than the one before it (", hidden[i - 1], ")"));
    }
  }
  return absl::OkStatus();
}

std::string DescribeGeometry(const ModelGeometry& geometry) {
  return absl::StrCat(geometry.layers, " layers x ", geometry.experts, " experts, top-",
                      geometry.top_k);
}

}  // namespace eldr
