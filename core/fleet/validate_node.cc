#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/fleet/fleet.h"

namespace eldr {
namespace {

constexpr std::size_t kMaxIdBytes = 256;
constexpr std::size_t kMaxAddressBytes = 512;
constexpr std::size_t kMaxLabels = 32;
constexpr std::uint32_t kMaxTokensPerStep = 64;
constexpr std::uint32_t kMaxReportedSequences = 1'000'000;
constexpr std::size_t kMaxBuckets = 64;
constexpr std::size_t kMaxReportedIds = 10'000;
constexpr double kMaxContextTokens = 1e12;

template <typename... Parts>
absl::Status Invalid(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

absl::Status CheckLength(absl::string_view field, absl::string_view value, std::size_t least,
                         std::size_t most) {
  if (value.size() >= least && value.size() <= most) return absl::OkStatus();
  return Invalid(field, ": got ", value.size(), " bytes, expected ", least, " to ", most);
}

absl::Status CheckBucket(std::size_t index, const StepStats& stats, std::size_t cells) {
  const auto field = [&](absl::string_view name) {
    return absl::StrCat("steps[", index, "].", name);
  };
  if (stats.max_batch == 0 || stats.max_batch > kMaxReportedSequences) {
    return Invalid(field("max_batch"), ": got ", stats.max_batch, ", expected 1 to ",
                   kMaxReportedSequences);
  }
  if (stats.steps == 0) return Invalid(field("steps"), ": got 0, expected at least 1");
  if (stats.total_duration <= absl::ZeroDuration() ||
      stats.total_duration == absl::InfiniteDuration()) {
    return Invalid(field("total_duration"), ": got ", absl::FormatDuration(stats.total_duration),
                   ", expected more than 0");
  }
  // Written so that a NaN fails too.
  if (!(stats.mean_batch > 0 && stats.mean_batch <= stats.max_batch)) {
    return Invalid(field("mean_batch"), ": got ", stats.mean_batch,
                   ", expected more than 0, at most ", stats.max_batch, " (max_batch)");
  }
  if (stats.mean_context_tokens &&
      !(*stats.mean_context_tokens >= 0 && *stats.mean_context_tokens <= kMaxContextTokens)) {
    return Invalid(field("mean_context_tokens"), ": got ", *stats.mean_context_tokens,
                   ", expected 0 to ", kMaxContextTokens);
  }
  if (stats.mean_distinct_experts &&
      !(*stats.mean_distinct_experts >= 0 &&
        *stats.mean_distinct_experts <= static_cast<double>(cells))) {
    return Invalid(field("mean_distinct_experts"), ": got ", *stats.mean_distinct_experts,
                   ", expected 0 to ", cells, " (layers * experts)");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateNodeSpec(const NodeSpec& spec, absl::Duration node_timeout) {
  ELDR_RETURN_IF_ERROR(CheckLength("node.node_id", spec.node_id, 1, kMaxIdBytes));
  ELDR_RETURN_IF_ERROR(CheckLength("node.address", spec.address, 1, kMaxAddressBytes));
  ELDR_RETURN_IF_ERROR(CheckLength("node.expert_group", spec.expert_group, 0, kMaxIdBytes));
  if (spec.labels.size() > kMaxLabels) {
    return Invalid("node.labels: got ", spec.labels.size(), ", expected at most ", kMaxLabels);
  }
  for (const auto& [key, value] : spec.labels) {
    ELDR_RETURN_IF_ERROR(CheckLength("node.labels key", key, 1, kMaxIdBytes));
    ELDR_RETURN_IF_ERROR(
        CheckLength(absl::StrCat("node.labels[\"", key, "\"]"), value, 0, kMaxIdBytes));
  }
  if (spec.tokens_per_step == 0 || spec.tokens_per_step > kMaxTokensPerStep) {
    return Invalid("node.tokens_per_step: got ", spec.tokens_per_step, ", expected 1 to ",
                   kMaxTokensPerStep);
  }
  // Two may be late before the third decides, or a single lost packet would lose a node.
  if (spec.heartbeat_interval < absl::ZeroDuration() ||
      spec.heartbeat_interval > node_timeout / 3) {
    return Invalid("node.heartbeat_interval: got ", absl::FormatDuration(spec.heartbeat_interval),
                   ", expected 0 to ", absl::FormatDuration(node_timeout / 3),
                   " (a third of the node_timeout)");
  }
  return absl::OkStatus();
}

absl::Status ValidateNodeReport(const NodeReport& report, std::size_t cells) {
  if (report.running > kMaxReportedSequences) {
    return Invalid("running: got ", report.running, ", expected at most ", kMaxReportedSequences);
  }
  if (report.queued > kMaxReportedSequences) {
    return Invalid("queued: got ", report.queued, ", expected at most ", kMaxReportedSequences);
  }
  if (report.kv_usage && !(*report.kv_usage >= 0 && *report.kv_usage <= 1)) {
    return Invalid("kv_usage: got ", *report.kv_usage, ", expected 0 to 1");
  }
  if (report.steps.size() > kMaxBuckets) {
    return Invalid("steps: got ", report.steps.size(), " buckets, expected at most ", kMaxBuckets);
  }
  for (std::size_t i = 0; i < report.steps.size(); ++i) {
    ELDR_RETURN_IF_ERROR(CheckBucket(i, report.steps[i], cells));
  }
  if (report.running_request_ids.size() > kMaxReportedIds) {
    return Invalid("running_request_ids: got ", report.running_request_ids.size(),
                   ", expected at most ", kMaxReportedIds);
  }
  // Ids that may be adopted must be such as a placement takes.
  for (std::size_t i = 0; report.complete_list && i < report.running_request_ids.size(); ++i) {
    const std::size_t bytes = report.running_request_ids[i]->size();
    if (bytes == 0 || bytes > kMaxIdBytes) {
      return Invalid("running_request_ids[", i, "]: got ", bytes, " bytes, expected 1 to ",
                     kMaxIdBytes);
    }
  }
  if (report.finished_request_ids.size() > kMaxReportedIds) {
    return Invalid("finished_request_ids: got ", report.finished_request_ids.size(),
                   ", expected at most ", kMaxReportedIds);
  }
  if (report.finished.size() > kMaxReportedIds) {
    return Invalid("finished: got ", report.finished.size(), ", expected at most ",
                   kMaxReportedIds);
  }
  return absl::OkStatus();
}

}  // namespace eldr
