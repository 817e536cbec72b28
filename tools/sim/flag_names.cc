#include "tools/sim/flag_names.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/engines/geometry.h"
#include "client/flags/duration_option.h"
#include "core/base/status_macros.h"

namespace eldr::sim {

absl::Status ParseArrivals(absl::string_view text, TrafficConfig& traffic) {
  if (text == "poisson") {
    traffic.arrivals = ArrivalKind::kPoisson;
    return absl::OkStatus();
  }
  absl::string_view number = text;
  if (absl::ConsumePrefix(&number, "gamma:")) {
    double value = 0;
    if (absl::SimpleAtod(number, &value) && value >= 0.05 && value <= 20) {
      traffic.arrivals = ArrivalKind::kGamma;
      traffic.coefficient_of_variation = value;
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "arrivals \"", text, "\": expected a coefficient of variation from 0.05 to 20"));
  }
  if (absl::EndsWith(text, ".jsonl") || absl::EndsWith(text, ".csv")) {
    traffic.arrivals = ArrivalKind::kFile;
    traffic.arrivals_file = std::string(text);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "arrivals \"", text, "\": expected poisson, gamma:CV or a file named *.jsonl or *.csv"));
}

std::string ArrivalsText(const TrafficConfig& traffic) {
  switch (traffic.arrivals) {
    case ArrivalKind::kPoisson:
      return "poisson";
    case ArrivalKind::kGamma:
      return absl::StrCat("gamma:", traffic.coefficient_of_variation);
    case ArrivalKind::kFile:
      break;
  }
  return traffic.arrivals_file;
}

absl::Status ParseOutput(absl::string_view text, TrafficConfig& traffic) {
  traffic.output_from_file = text == "file";
  if (traffic.output_from_file) return absl::OkStatus();
  ELDR_ASSIGN_OR_RETURN(traffic.output, replay::ParseOutputLength(text));
  return absl::OkStatus();
}

std::string OutputText(const TrafficConfig& traffic) {
  if (traffic.output_from_file) return "file";
  switch (traffic.output.kind) {
    case replay::OutputLength::Kind::kTrace:
      return "trace";
    case replay::OutputLength::Kind::kExponential:
      return absl::StrCat("exp:", traffic.output.tokens);
    case replay::OutputLength::Kind::kFixed:
      break;
  }
  return absl::StrCat(traffic.output.tokens);
}

absl::StatusOr<MixKind> ParseMix(absl::string_view text) {
  for (const MixKind mix : {MixKind::kTrace, MixKind::kSkewed, MixKind::kDrifting}) {
    if (text == MixText(mix)) return mix;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("mix \"", text, "\": expected trace, skewed or drifting"));
}

absl::string_view MixText(MixKind mix) {
  switch (mix) {
    case MixKind::kTrace:
      return "trace";
    case MixKind::kSkewed:
      return "skewed";
    case MixKind::kDrifting:
      return "drifting";
    case MixKind::kDrift:
      break;
  }
  return "scenario";
}

absl::StatusOr<std::vector<replay::BucketOffset>> ParseBucketOffsets(absl::string_view text) {
  std::vector<replay::BucketOffset> offsets;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(part, absl::MaxSplits(':', 1));
    replay::BucketOffset offset;
    if (!absl::SimpleAtoi(pair.first, &offset.max_batch) || offset.max_batch < 1) {
      return absl::InvalidArgumentError(absl::StrCat(
          "bucket_offsets \"", part, "\": expected BATCH:DURATION, e.g. 8:0.5ms,16:1ms"));
    }
    ELDR_ASSIGN_OR_RETURN(offset.offset,
                          flags::ParseDuration(pair.second, {.seconds_without_unit = true}));
    if (!offsets.empty() && offset.max_batch <= offsets.back().max_batch) {
      return absl::InvalidArgumentError(absl::StrCat(
          "bucket_offsets \"", part, "\": expected a batch above ", offsets.back().max_batch));
    }
    offsets.push_back(offset);
  }
  return offsets;
}

absl::StatusOr<std::vector<std::uint32_t>> ParseLayers(absl::string_view text) {
  std::vector<std::uint32_t> layers;
  for (const absl::string_view range : absl::StrSplit(text, ',')) {
    const std::vector<absl::string_view> ends = absl::StrSplit(range, '-');
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    if (ends.size() > 2 || !absl::SimpleAtoi(ends.front(), &first) ||
        !absl::SimpleAtoi(ends.back(), &last) || first > last ||
        last >= engines::kMaxHiddenLayers || (!layers.empty() && first <= layers.back())) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", text, "\": expected ascending layers below ",
                       engines::kMaxHiddenLayers, ", like 3-60 or 1,3,5"));
    }
    for (std::uint32_t layer = first; layer <= last; ++layer) layers.push_back(layer);
  }
  return layers;
}

}  // namespace eldr::sim
