// eldr-fit: fits a profile from captured signatures or from a trace.
#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/profile/profile_file.h"
#include "tools/fit/calibration_split.h"
#include "tools/fit/capture_file.h"
#include "tools/fit/capture_reader.h"
#include "tools/fit/fit_flags.h"
#include "tools/fit/quality_report.h"
#include "tools/replay/file_contents.h"

namespace eldr::fit {
namespace {

absl::StatusOr<FitInput> ReadInput(const FitFlags& flags, SignatureVariant variant) {
  if (!flags.trace.empty()) {
    ELDR_ASSIGN_OR_RETURN(const replay::Trace trace,
                          replay::LoadTrace(flags.trace, {flags.signature_tokens, flags.experts}));
    return InputFromTrace(
        trace, DrawCalibration(trace.requests.size(), flags.calibration_share, flags.seed));
  }
  ELDR_ASSIGN_OR_RETURN(const std::string first, replay::ReadFile(flags.captures.front()));
  if (IsCaptureFile(first)) {
    if (!flags.decode_captures.empty()) {
      return absl::InvalidArgumentError(
          "--decode-captures: got some, expected none, as captures of eldrd hold their own");
    }
    return ReadCaptureFiles(flags.captures,
                            {flags.model, flags.most_requests, flags.layers, flags.experts});
  }
  FitInput input;
  input.layers = flags.layers;
  input.experts = flags.experts;
  const FrameValue value =
      variant == SignatureVariant::kGateProbAll ? FrameValue::kFloat32 : FrameValue::kInt16;
  ELDR_ASSIGN_OR_RETURN(input.signatures,
                        ReadCaptures(flags.captures, value, flags.layers, flags.experts));
  if (!flags.decode_captures.empty()) {
    ELDR_ASSIGN_OR_RETURN(
        input.decode_counts,
        ReadCaptures(flags.decode_captures, FrameValue::kInt16, flags.layers, flags.experts));
  }
  return input;
}

// On a terminal one line that is written over, else a line for each quarter of a stage.
void ShowProgress(absl::string_view stage, std::size_t done, std::size_t total) {
  static const bool terminal = isatty(STDERR_FILENO) == 1;
  const bool quarter = done == total || done * 4 / total != (done - 1) * 4 / total;
  if (!terminal && !quarter) return;
  const std::string line = absl::StrCat("fitting: ", stage, " ", done, " of at most ", total);
  std::fprintf(stderr, terminal ? "\r\033[K%s" : "%s\n", line.c_str());
}

absl::Status Fit(const FitFlags& flags) {
  const SignatureVariant variant = *ParseSignatureVariant(flags.variant);
  ELDR_ASSIGN_OR_RETURN(const FitInput input, ReadInput(flags, variant));
  const FitOptions options = {variant, flags.nodes, flags.seed};
  ELDR_ASSIGN_OR_RETURN(
      FittedProfile fitted,
      FitProfile(input, options, [&](absl::string_view stage, std::size_t done, std::size_t total) {
        if (!flags.quiet) ShowProgress(stage, done, total);
      }));
  if (!flags.quiet && isatty(STDERR_FILENO) == 1) std::fputs("\r\033[K", stderr);
  // What the reference notes too.
  fitted.profile.other_keys = absl::StrCat(
      "{\"algo\":\"kmbal\",\"n_fit\":", fitted.quality.requests, ",\"seed\":", flags.seed, "}");
  ELDR_RETURN_IF_ERROR(WriteProfile(fitted.profile, flags.out));
  std::fputs(DescribeQuality(fitted).c_str(), stdout);
  std::printf("wrote              %s (%u layers x %u experts, %s, %zu centroids of %zu)\n",
              flags.out.c_str(), input.layers, input.experts, flags.variant.c_str(),
              fitted.profile.centroids.size(), fitted.profile.centroids.dimension());
  return absl::OkStatus();
}

}  // namespace
}  // namespace eldr::fit

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto flags = eldr::fit::ParseFitFlags(argc, argv, &exit_code);
  if (!flags) return exit_code;
  const absl::Status status = eldr::fit::Fit(*flags);
  if (status.ok()) return 0;
  std::fprintf(stderr, "eldr-fit: %s\n", std::string(status.message()).c_str());
  return 1;
}
