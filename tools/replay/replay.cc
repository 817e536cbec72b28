#include "tools/replay/replay.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "tools/replay/simulation.h"

namespace eldr::replay {
namespace {

absl::Status CheckNotNegative(absl::string_view name, absl::Duration value) {
  if (value >= absl::ZeroDuration() && value < absl::InfiniteDuration()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " ", absl::FormatDuration(value), ": expected at least 0"));
}

absl::Status CheckSpeed(absl::string_view field, double speed) {
  if (speed > 0 && std::isfinite(speed)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ".speed ", speed, ": expected a number above 0"));
}

absl::Status CheckLists(const ReplayOptions& options) {
  if (options.node_shapes.size() > options.nodes) {
    return absl::InvalidArgumentError(absl::StrCat("node_shapes: has ", options.node_shapes.size(),
                                                   ", expected at most one for each of ",
                                                   options.nodes, " nodes"));
  }
  for (const NodeShape& shape : options.node_shapes) {
    ELDR_RETURN_IF_ERROR(CheckSpeed("node_shapes", shape.speed));
  }
  absl::Duration last_time;
  for (const FleetEvent& event : options.events) {
    ELDR_RETURN_IF_ERROR(CheckSpeed("events", event.shape.speed));
    ELDR_RETURN_IF_ERROR(CheckNotNegative("events.time", event.time));
    if (event.time < last_time) {
      return absl::InvalidArgumentError(
          absl::StrCat("events.time ", absl::FormatDuration(event.time), ": expected at least ",
                       absl::FormatDuration(last_time), ", that of the event before"));
    }
    last_time = event.time;
  }
  std::uint32_t last_bucket = 0;
  for (const BucketOffset& bucket : options.bucket_offsets) {
    if (bucket.max_batch <= last_bucket) {
      return absl::InvalidArgumentError(absl::StrCat("bucket_offsets: max_batch ", bucket.max_batch,
                                                     ": expected more than ", last_bucket));
    }
    last_bucket = bucket.max_batch;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Duration StepDuration(const StepTimeShape& settings, std::size_t cells,
                            std::uint32_t distinct_experts, std::uint32_t batch,
                            std::uint64_t context_tokens) {
  const double share = static_cast<double>(distinct_experts) / static_cast<double>(cells);
  return settings.base + settings.all_experts * share + settings.per_request * batch +
         settings.per_context_token * static_cast<double>(context_tokens);
}

absl::Status CheckReplayOptions(const ReplayOptions& options) {
  if (options.nodes < 1) return absl::InvalidArgumentError("nodes 0: expected at least 1");
  if (options.heartbeat_interval <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(absl::StrCat("heartbeat_interval ",
                                                   absl::FormatDuration(options.heartbeat_interval),
                                                   ": expected more than 0"));
  }
  if (options.warmup < absl::ZeroDuration() || options.warmup >= options.duration) {
    return absl::InvalidArgumentError(absl::StrCat("warmup ", absl::FormatDuration(options.warmup),
                                                   ": expected 0 to less than ", "the duration, ",
                                                   absl::FormatDuration(options.duration)));
  }
  ELDR_RETURN_IF_ERROR(CheckNotNegative("heartbeat_delay", options.heartbeat_delay));
  ELDR_RETURN_IF_ERROR(CheckNotNegative("transfer_delay", options.transfer_delay));
  ELDR_RETURN_IF_ERROR(CheckNotNegative("late_signature_delay", options.late_signature_delay));
  return CheckLists(options);
}

absl::StatusOr<ReplayResult> Replay(const Trace& trace, const ReplayOptions& options,
                                    ArrivalSource& arrivals, PlacementBackend& backend,
                                    OnProgress on_progress) {
  ELDR_RETURN_IF_ERROR(CheckReplayOptions(options));
  return Simulation(trace, options, arrivals, backend).Run(on_progress);
}

absl::StatusOr<ReplayResult> Replay(const Trace& trace, const ReplayOptions& options,
                                    ArrivalSource& arrivals, PlacementBackend& backend) {
  return Replay(trace, options, arrivals, backend,
                [](const ReplayProgress&) { return absl::OkStatus(); });
}

}  // namespace eldr::replay
