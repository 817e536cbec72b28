#include "client/scrape/engine_metrics.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace eldr::scrape {
namespace {

constexpr absl::string_view kMetricNames[kEngineMetrics] = {
    "running",       "queued", "kv_usage", "iteration_tokens", "inter_token_latency",
    "prompt_tokens", "awake"};

std::vector<EnginePreset> MakePresets() {
  // In the order of EngineMetric. Former names of a metric follow it.
  return {
      {"vllm",
       "/metrics",
       "/health",
       {{{"vllm:num_requests_running"},
         {"vllm:num_requests_waiting"},
         {"vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"},
         {"vllm:iteration_tokens_total"},
         {"vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds"},
         {"vllm:prompt_tokens_total"},
         {"vllm:engine_sleep_state"}}}},
      {"sglang",
       "/metrics",
       "/health",
       {{{"sglang:num_running_reqs"},
         {"sglang:num_queue_reqs", "sglang:num_decode_prealloc_queue_reqs",
          "sglang:num_decode_transfer_queue_reqs"},
         {"sglang:token_usage"},
         {},
         {"sglang:inter_token_latency_seconds"},
         {"sglang:prompt_tokens_total"},
         {}}}},
      {"trtllm",
       "/prometheus/metrics",
       "/health",
       {{{"trtllm_num_requests_running"},
         {"trtllm_num_requests_waiting"},
         {"trtllm_kv_cache_utilization"},
         {},
         {},
         {},
         {}}}},
  };
}

absl::Status CheckName(absl::string_view name) {
  const auto fits = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == ':';
  };
  if (!name.empty() && std::all_of(name.begin(), name.end(), fits)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("\"", name, "\" is no name of a metric, expected letters, digits, '_' and ':'"));
}

}  // namespace

absl::string_view Name(EngineMetric metric) {
  return kMetricNames[static_cast<std::size_t>(metric)];
}

absl::Span<const EnginePreset> EnginePresets() {
  static const auto* const presets = new std::vector<EnginePreset>(MakePresets());
  return *presets;
}

const EnginePreset* FindEnginePreset(absl::string_view name) {
  for (const EnginePreset& preset : EnginePresets()) {
    if (preset.name == name) return &preset;
  }
  return nullptr;
}

absl::Status OverrideMetric(absl::string_view text, EngineMetricNames& names) {
  const std::size_t equals = text.find('=');
  const auto* const found = std::find(std::begin(kMetricNames), std::end(kMetricNames),
                                      text.substr(0, std::min(equals, text.size())));
  if (equals == absl::string_view::npos || found == std::end(kMetricNames)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", text, "\" names no metric, expected METRIC=NAME[,NAME] with METRIC one of ",
        absl::StrJoin(kMetricNames, ", ")));
  }
  const absl::string_view list = text.substr(equals + 1);
  std::vector<std::string> told;
  if (!list.empty()) told = absl::StrSplit(list, ',');
  for (const std::string& name : told) {
    if (absl::Status status = CheckName(name); !status.ok()) return status;
  }
  names[static_cast<std::size_t>(found - std::begin(kMetricNames))] = std::move(told);
  return absl::OkStatus();
}

bool SameMetricName(absl::string_view one, absl::string_view other) {
  return one.size() == other.size() &&
         std::equal(one.begin(), one.end(), other.begin(), [](char a, char b) {
           return a == b || (a == ':' && b == '_') || (a == '_' && b == ':');
         });
}

}  // namespace eldr::scrape
