#include <nlohmann/json.hpp>

#include "tools/sim/flag_names.h"
#include "tools/sim/report.h"

namespace eldr::sim {
namespace {

using Json = nlohmann::ordered_json;

double Milliseconds(absl::Duration duration) { return absl::ToDoubleMilliseconds(duration); }

Json TimesJson(const replay::TimeSummary& times) {
  return {{"p50", Milliseconds(times.p50)},
          {"p95", Milliseconds(times.p95)},
          {"p99", Milliseconds(times.p99)},
          {"mean", Milliseconds(times.mean)}};
}

Json StepTimeJson(const StepTimeShape& shape) {
  return {{"base_ms", Milliseconds(shape.base)},
          {"all_experts_ms", Milliseconds(shape.all_experts)},
          {"per_request_ms", Milliseconds(shape.per_request)},
          {"per_context_token_ms", Milliseconds(shape.per_context_token)}};
}

Json TrafficJson(const TrafficConfig& traffic) {
  Json json = {{"rate", traffic.rate},
               {"arrivals", ArrivalsText(traffic)},
               {"output_tokens", OutputText(traffic)},
               {"mix", MixText(traffic.mix)},
               {"repeat_start", traffic.random_repeat_start ? "random" : "first"},
               {"pool_share", traffic.pool_share},
               {"missing_signatures", traffic.missing_signatures},
               {"late_signatures", traffic.late_signatures}};
  return json;
}

Json ConfigJson(const SimConfig& config, const SimResult& result) {
  const replay::ReplayOptions& replay = config.replay;
  const PolicySettings& settings = config.settings;
  Json offsets = Json::array();
  for (const replay::BucketOffset& offset : replay.bucket_offsets) {
    offsets.push_back(
        {{"max_batch", offset.max_batch}, {"offset_ms", Milliseconds(offset.offset)}});
  }
  Json json = {
      {"trace", config.trace},
      {"trace_requests", result.trace_requests},
      {"left_out_requests", result.left_out},
      {"geometry",
       {{"layers", result.geometry.layers},
        {"experts", result.geometry.experts},
        {"top_k", result.geometry.top_k}}},
      {"signature_tokens", config.signature_tokens},
      {"calibration_share", config.calibration_share},
      {"profile", config.profile},
      {"scenario", config.scenario},
      {"policies", config.policies},
      {"nodes", replay.nodes},
      {"seed", config.seed},
      {"seeds", config.seeds},
      {"duration_s", absl::ToDoubleSeconds(replay.duration)},
      {"warmup_s", absl::ToDoubleSeconds(replay.warmup)},
      {"traffic", TrafficJson(config.traffic)},
      {"step_time", StepTimeJson(replay.step_time)},
      {"believed_step_time", StepTimeJson(settings.step_time)},
      {"bucket_offsets", offsets},
      {"capacity", replay.capacity},
      {"kv_capacity", replay.kv_capacity},
      {"transfer_delay_ms", Milliseconds(replay.transfer_delay)},
      {"heartbeat_interval_ms", Milliseconds(replay.heartbeat_interval)},
      {"heartbeat_delay_ms", Milliseconds(replay.heartbeat_delay)},
      {"late_signature_delay_ms", Milliseconds(replay.late_signature_delay)},
      {"parameters",
       {{"w", settings.w},
        {"objective", settings.objective},
        {"kappa", settings.estimate.kappa},
        {"n0", settings.estimate.n0},
        {"p_max", settings.estimate.p_max},
        {"tau", settings.locality_band.tau}}},
  };
  if (replay.time_limit < absl::InfiniteDuration()) {
    json["tpot_limit_ms"] = Milliseconds(replay.time_limit);
  }
  return json;
}

Json CellJson(const SimConfig& config, const CellResult& cell) {
  const replay::ReplayResult& replay = cell.replay;
  Json domains = Json::object();
  for (const auto& [domain, times] : replay.by_domain) {
    Json entry = {{"requests", times.count}, {"tpot_ms", TimesJson(times)}};
    domains[domain] = entry;
  }
  Json json = {
      {"policy", cell.policy},
      {"nodes", config.replay.nodes},
      {"rate", config.traffic.rate},
      {"seed", cell.seed},
      {"requests", replay.time_per_output_token.count},
      {"tpot_ms", TimesJson(replay.time_per_output_token)},
      {"between_tokens_ms", TimesJson(replay.between_tokens)},
      {"distinct_experts_per_layer", replay.distinct_experts_per_layer},
      {"mean_batch", replay.mean_batch},
      {"load_spread", replay.mean_load_spread},
      {"mean_live_copies", replay.mean_live_copies},
      {"mean_batch_copies", replay.mean_batch_copies},
      {"waited", replay.waited},
      {"lost_node", replay.lost},
      {"arrivals", replay.arrivals},
      {"steps", replay.steps},
      {"simulated_s", absl::ToDoubleSeconds(replay.simulated_time)},
      {"pool_requests", cell.pool},
      {"calibration_requests", cell.calibration},
  };
  if (config.replay.time_limit < absl::InfiniteDuration()) {
    json["goodput"] = {{"requests_within_limit", replay.within_limit},
                       {"requests_per_second", replay.goodput}};
  }
  if (WantsProfile(cell.policy)) {
    json["fitted_on"] = cell.fitted_on;
    json["fitted_in_sample"] = cell.fitted_in_sample;
  }
  if (config.time_decisions) {
    const replay::TimeSummary& times = cell.decision_time;
    json["decision_us"] = {{"p50", absl::ToDoubleMicroseconds(times.p50)},
                           {"p95", absl::ToDoubleMicroseconds(times.p95)},
                           {"p99", absl::ToDoubleMicroseconds(times.p99)},
                           {"mean", absl::ToDoubleMicroseconds(times.mean)}};
  }
  json["domains"] = std::move(domains);
  return json;
}

}  // namespace

std::string FormatJson(const SimConfig& config, const SimResult& result) {
  Json results = Json::array();
  for (const CellResult& cell : result.cells) results.push_back(CellJson(config, cell));
  const Json json = {{"config", ConfigJson(config, result)}, {"results", std::move(results)}};
  // A path may hold any bytes; the report stays readable all the same.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace eldr::sim
