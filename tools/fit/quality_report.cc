#include "tools/fit/quality_report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace eldr::fit {
namespace {

std::string DescribeMask(const FittedProfile& fitted) {
  const SignatureTransform& transform = fitted.profile.transform;
  const std::optional<LayerMask>& mask = fitted.quality.mask;
  if (!mask) {
    const char* why = transform.variant == SignatureVariant::kCount
                          ? "the variant count has no mask"
                          : "no decode counts, so no mask was selected";
    return absl::StrFormat("layers             all %d (%s)\n", transform.layers, why);
  }
  std::string text = absl::StrFormat("layers             %d of %d: %s\n", mask->kept,
                                     transform.layers, absl::StrJoin(transform.layer_mask, " "));
  absl::StrAppendFormat(&text, "rank correlation   %.4f (all layers: %.4f)\n", mask->correlation(),
                        mask->path.back().correlation);
  for (std::size_t i = 0; i < mask->kept; ++i) {
    absl::StrAppendFormat(&text, "  + layer %-4d     %.4f\n", mask->path[i].layer,
                          mask->path[i].correlation);
  }
  return text;
}

}  // namespace

std::string DescribeQuality(const FittedProfile& fitted) {
  const FitQuality& quality = fitted.quality;
  std::string text =
      absl::StrFormat("requests           %d (%d vanish under the transform and are left out)\n",
                      quality.requests, quality.left_out);
  absl::StrAppend(&text, DescribeMask(fitted));
  absl::StrAppendFormat(&text, "cluster sizes      %s\n",
                        absl::StrJoin(quality.cluster_sizes, " "));
  absl::StrAppendFormat(&text, "iterations         %d (%s)\n", quality.iterations,
                        quality.converged ? "converged" : "the limit; not converged");
  absl::StrAppendFormat(&text, "mean cosine        %.4f\n", quality.mean_cosine);
  absl::StrAppendFormat(&text, "in nearest         %.1f %%\n", 100 * quality.nearest_share);
  return text;
}

}  // namespace eldr::fit
