#include "core/step_time/step_stats.h"

#include "core/base/enum_name.h"

namespace eldr {

absl::Duration TotalDuration(absl::Span<const StepStats> steps) {
  absl::Duration total;
  for (const StepStats& bucket : steps) total += bucket.total_duration;
  return total;
}

std::optional<absl::Duration> MeanStepTime(absl::Span<const StepStats> steps) {
  double count = 0;
  for (const StepStats& bucket : steps) count += static_cast<double>(bucket.steps);
  if (count == 0) return std::nullopt;
  return absl::Seconds(absl::ToDoubleSeconds(TotalDuration(steps)) / count);
}

absl::string_view Name(Disbelief disbelief) {
  return EnumName({"shape", "past", "experts", "clock"}, disbelief);
}

}  // namespace eldr
