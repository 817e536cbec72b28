#include "core/signature/uncaptured.h"

#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"

namespace eldr {
namespace {

constexpr double kLeastShare = 0.25;
constexpr double kImpossibleBits = 64;

}  // namespace

absl::Status CheckCaptured(const ExpertSignature& signature, const ModelGeometry& geometry,
                           absl::string_view field) {
  if (geometry.top_k != 1) return absl::OkStatus();
  const double tokens = signature.tokens();
  // By expert: how unlikely its shares are in the layers up to here that follow each other.
  std::vector<double> bits(geometry.experts);
  return signature.VisitCounts([&](const auto* counts) -> absl::Status {
    for (std::size_t layer = 0; layer < geometry.layers; ++layer) {
      if (!signature.LayerCovered(layer)) continue;  // it tells nothing
      for (std::size_t expert = 0; expert < geometry.experts; ++expert) {
        const std::uint32_t count = counts[layer * geometry.experts + expert];
        const double share = count / tokens;
        if (share < kLeastShare || share * geometry.experts <= 1) {
          bits[expert] = 0;
          continue;
        }
        bits[expert] += std::log2(share * geometry.experts);
        if (bits[expert] > kImpossibleBits) {
          return absl::InvalidArgumentError(
              absl::StrCat(field, ".counts: expert ", expert, " has ", count, " of ",
                           signature.tokens(), " tokens in layer ", layer,
                           " and about as many in those before, expected a number "
                           "of its own in each: the engine did not capture all tokens"));
        }
        if (count == signature.tokens() && count >= kLongPrompt) {
          return absl::InvalidArgumentError(absl::StrCat(
              field, ".counts: expert ", expert, " has all ", count, " tokens of layer ", layer,
              ", expected several experts to share so many: the engine did not capture the layer"));
        }
      }
    }
    return absl::OkStatus();
  });
}

}  // namespace eldr
