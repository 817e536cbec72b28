#include "client/ctl/step_stats_option.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/flags/duration_option.h"
#include "client/src/proto_duration.h"

namespace eldr::ctl {

absl::StatusOr<v1::StepStats> ParseStepStats(absl::string_view text) {
  const auto refuse = [text](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", text, "\": ", what,
        "; expected MAX_BATCH:STEPS:TOTAL_DURATION:MEAN_BATCH[:CONTEXT_TOKENS[:EXPERTS]]"));
  };
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  if (parts.size() < 4 || parts.size() > 6) return refuse("wrong number of parts");
  uint32_t max_batch = 0;
  uint64_t steps = 0;
  double mean_batch = 0;
  double context_tokens = 0;
  double experts = 0;
  if (!absl::SimpleAtoi(parts[0], &max_batch)) return refuse("MAX_BATCH is no whole number");
  if (!absl::SimpleAtoi(parts[1], &steps)) return refuse("STEPS is no whole number");
  const absl::StatusOr<absl::Duration> total = flags::ParseDuration(parts[2]);
  if (!total.ok()) return refuse("TOTAL_DURATION is no duration like 1.26s");
  if (!absl::SimpleAtod(parts[3], &mean_batch)) return refuse("MEAN_BATCH is no number");
  if (parts.size() > 4 && !absl::SimpleAtod(parts[4], &context_tokens)) {
    return refuse("CONTEXT_TOKENS is no number");
  }
  if (parts.size() > 5 && !absl::SimpleAtod(parts[5], &experts)) {
    return refuse("EXPERTS is no number");
  }
  v1::StepStats stats;
  stats.set_max_batch(max_batch);
  stats.set_steps(steps);
  *stats.mutable_total_duration() = client::internal::ToProto(*total);
  stats.set_mean_batch(mean_batch);
  if (parts.size() > 4) stats.set_mean_context_tokens(context_tokens);
  if (parts.size() > 5) stats.set_mean_distinct_experts(experts);
  return stats;
}

CLI::Option* AddStepStats(CLI::App& app, const std::string& name,
                          std::vector<v1::StepStats>& values) {
  return app
      .add_option_function<std::vector<std::string>>(
          name,
          [name, &values](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              const absl::StatusOr<v1::StepStats> stats = ParseStepStats(text);
              if (!stats.ok()) {
                throw CLI::ValidationError(name, std::string(stats.status().message()));
              }
              values.push_back(*stats);
            }
          },
          "Decode steps of one batch-size bucket, as told below; may be repeated")
      ->allow_extra_args(false)
      ->type_name("STEPS");
}

}  // namespace eldr::ctl
