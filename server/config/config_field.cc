// The table of keys. What a setting of core may be, core says (core/route/router_ranges.h,
// core/policy/policy_settings.h); of the rest the range stands here, and nowhere else.
#include "server/config/config_field.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "core/policy/policy_factory.h"
#include "core/policy/residency_policy.h"
#include "core/route/router_ranges.h"
#include "server/config/field_kinds.h"

namespace eldr {
namespace {

using Count = Range<std::uint64_t>;
using Duration = Range<absl::Duration>;

constexpr std::uint64_t kKiB = 1 << 10, kMiB = kKiB << 10, kGiB = kMiB << 10, kTiB = kGiB << 10;
constexpr Count kHeldAtATime = {1, 10'000'000};
constexpr Count kStoreSize = {kMiB, kStoreBytesRange.most};
constexpr Duration kUpToAnHour = {absl::ZeroDuration(), absl::Hours(1)};
constexpr Range<double> kShare = {.least = 0, .most = 1, .above = true};

// "" and the names of the policies.
std::vector<absl::string_view> ShadowNames() {
  std::vector<absl::string_view> names = PolicyNames();
  names.insert(names.begin(), "");
  return names;
}

// The keys of a policy, under "default_policy." or in a model.
void AddPolicyFields(const std::string& prefix, PolicySettings& settings,
                     std::vector<ConfigField>& fields) {
  EstimateParameters& estimate = settings.estimate;
  fields.push_back(Choice(prefix + "policy", settings.policy, PolicyNames()));
  fields.push_back(Choice(prefix + "shadow_policy", settings.shadow_policy, ShadowNames()));
  fields.push_back(Real(prefix + "kappa", estimate.kappa, kKappaRange));
  fields.push_back(Real(prefix + "p_max", estimate.p_max, kMaxActivationRange));
  fields.push_back(Real(prefix + "n0", estimate.n0, kN0Range));
  fields.push_back(Real(prefix + "w", settings.w, kWRange));
  fields.push_back(Choice(prefix + "objective", settings.objective, ObjectiveNames()));
  StepTimeShape& step = settings.step_time;
  const std::string terms = prefix + "step_time.";
  fields.push_back(Time(terms + "base", step.base, kStepTimeRange));
  fields.push_back(Time(terms + "all_experts", step.all_experts, kStepTimeRange));
  fields.push_back(Time(terms + "per_request", step.per_request, kStepTimeRange));
  fields.push_back(Time(terms + "per_context_token", step.per_context_token, kStepTimeRange));
  LocalityBandSettings& band = settings.locality_band;
  const std::string section = prefix + "locality_band.";
  fields.push_back(Real(section + "tau", band.tau, kTauRange));
  fields.push_back(Flag(section + "seeded_ties", band.seeded_ties));
  fields.push_back(Time(section + "window", band.window, kFitTimeRange));
  fields.push_back(Time(section + "refit_interval", band.refit_interval, kFitTimeRange));
  fields.push_back(Path(section + "profile", band.profile_path, "a profile"));
}

void AddTlsFields(TlsConfig& tls, std::vector<ConfigField>& fields) {
  fields.push_back(Path("tls.certificate", tls.certificate, "a file in PEM"));
  fields.push_back(Path("tls.key", tls.key, "a file in PEM"));
  fields.push_back(Path("tls.client_ca", tls.client_ca, "a file in PEM"));
  fields.push_back(
      Choice("tls.client_certificates", tls.client_certificates, {"required", "optional"}));
}

void AddAuthFields(AuthConfig& auth, std::vector<ConfigField>& fields) {
  for (std::size_t i = 0; i < kRoles; ++i) {
    const std::string key = absl::StrCat("auth.tokens.", Name(static_cast<Role>(i)));
    fields.push_back(Paths(key, auth.tokens[i], "files of tokens"));
  }
  for (std::size_t i = 0; i < kRoles; ++i) {
    const std::string key = absl::StrCat("auth.certificates.", Name(static_cast<Role>(i)));
    fields.push_back(Texts(key, auth.certificates[i], "names of client certificates"));
  }
}

void AddDiscoveryFields(DiscoveryConfig& discovery, std::vector<ConfigField>& fields) {
  constexpr Range<std::uint64_t> kNameBytes = {0, kModelNameBytesRange.most};
  constexpr Duration kUpToAMinute = {absl::Milliseconds(100), absl::Minutes(1)};
  fields.push_back(Name("discovery.model", discovery.model, kNameBytes));
  fields.push_back(Text("discovery.model_label", discovery.model_label, "the key of a label"));
  fields.push_back(Text("discovery.role_label", discovery.role_label, "the key of a label"));
  fields.push_back(
      Text("discovery.expert_group_label", discovery.expert_group_label, "the key of a label"));
  fields.push_back(Time("discovery.remove_after", discovery.remove_after, kUpToAnHour));
  fields.push_back(Whole("discovery.max_endpoints", discovery.max_endpoints, {1, 65536}));
  fields.push_back(Path("discovery.file", discovery.file, "a file of endpoints"));
  KubernetesConfig& kubernetes = discovery.kubernetes;
  fields.push_back(Text("discovery.kubernetes.selector", kubernetes.selector,
                        "a selector of labels, such as app=vllm,llm-d.ai/role=decode"));
  fields.push_back(Text("discovery.kubernetes.inference_pool", kubernetes.inference_pool,
                        "the name of an InferencePool"));
  fields.push_back(Ports("discovery.kubernetes.target_ports", kubernetes.target_ports));
  fields.push_back(
      Text("discovery.kubernetes.namespace", kubernetes.name_space, "the name of a namespace"));
  fields.push_back(ApiServer("discovery.kubernetes.api_server", kubernetes.api_server));
  fields.push_back(Path("discovery.kubernetes.credentials", kubernetes.credentials,
                        "a folder with token, ca.crt and namespace"));
  ScrapeConfig& scrape = discovery.scrape;
  fields.push_back(
      Choice("discovery.scrape.preset", scrape.preset, {"", "vllm", "sglang", "trtllm"}));
  fields.push_back(Time("discovery.scrape.interval", scrape.interval, kUpToAMinute));
  fields.push_back(Time("discovery.scrape.timeout", scrape.timeout, kUpToAMinute));
  fields.push_back(Text("discovery.scrape.path", scrape.path, "the path of a page"));
  fields.push_back(Texts("discovery.scrape.metrics", scrape.metrics,
                         "METRIC=NAME[,NAME], such as running=my_engine_running"));
}

void AddLimitFields(Router::Options& router, CallLimitsConfig& limits,
                    std::vector<ConfigField>& fields) {
  fields.push_back(Whole("limits.models", router.max_models, kMaxModelsRange));
  fields.push_back(
      Whole("limits.nodes_per_model", router.max_nodes_per_model, kMaxNodesPerModelRange));
  fields.push_back(
      Whole("limits.leases_per_model", router.max_leases_per_model, kMaxLeasesPerModelRange));
  fields.push_back(Whole("limits.calls", limits.calls, kHeldAtATime));
  fields.push_back(Whole("limits.streams", limits.streams, kHeldAtATime));
  fields.push_back(Whole("limits.streams_per_peer", limits.streams_per_peer, kHeldAtATime));
  fields.push_back(Whole("limits.waits", limits.waits, kHeldAtATime));
  fields.push_back(Whole("limits.waits_per_peer", limits.waits_per_peer, kHeldAtATime));
  fields.push_back(Size("limits.wait_bytes", limits.wait_bytes, {64 * kKiB, kTiB}));
  fields.push_back(Size("limits.answer_bytes", limits.answer_bytes, {16 * kMiB, kTiB}));
  fields.push_back(
      Time("limits.queue_wait", limits.queue_wait, {absl::Milliseconds(1), absl::Minutes(1)}));
  fields.push_back(Whole("limits.concurrent_placements", limits.concurrent_placements, {0, 1024}));
}

}  // namespace

std::vector<ConfigField> FieldsOf(Config& config) {
  constexpr auto kNoLimit = std::numeric_limits<std::uint64_t>::max();
  Router::Options& router = config.router;
  std::vector<ConfigField> fields = {
      Addresses("grpc.listen", config.grpc.listen),
      Flag("grpc.insecure", config.grpc.insecure),
      Flag("grpc.reflection", config.grpc.reflection),
      Size("grpc.max_message_bytes", config.grpc.max_message_bytes, {64 * kKiB, 256 * kMiB}),
      Size("grpc.max_metadata_bytes", config.grpc.max_metadata_bytes, {8 * kKiB, kMiB}),
      Whole("grpc.max_concurrent_streams", config.grpc.max_concurrent_streams, {1, 1'000'000}),
      Time("grpc.keepalive_time", config.grpc.keepalive_time, {absl::Seconds(1), absl::Hours(2)}),
      Size("grpc.max_transport_bytes", config.grpc.max_transport_bytes, {16 * kMiB, kTiB}),
      TcpAddress("http.listen", config.http.listen),
      Flag("http.insecure", config.http.insecure),
      Flag("http.tls", config.http.tls),
      Path("http.token_file", config.http.token_file, "a file of tokens"),
      Flag("http.page", config.http.page),
      Whole("seed", router.seed, {0, kNoLimit}),
      Time("lease_ttl", router.lease_ttl, kLeaseTtlRange),
      Time("signature_ttl", router.signature_ttl, kSignatureTtlRange),
      Size("signature_store_bytes", router.signature_store_bytes, kStoreSize),
      Size("block_store_bytes", router.block_store_bytes, kStoreSize),
      Time("node_timeout", router.node_timeout, kNodeTimeoutRange),
      Real("panic.threshold", router.panic_threshold, kPanicThresholdRange),
      Whole("panic.max_timeouts", router.max_panic_timeouts, kMaxPanicTimeoutsRange),
      Time("forget_lost_after", router.forget_lost_after, kForgetLostAfterRange),
      Time("confirm_grace", router.confirm_grace, kConfirmGraceRange),
      Real("max_kv_usage", router.max_kv_usage, kMaxKvUsageRange),
      Whole("receipts", router.receipts, kReceiptsRange),
      Time("shutdown_delay", config.shutdown_delay, kUpToAnHour),
      Time("drain_timeout", config.drain_timeout, kUpToAnHour),
      Time("credential_reload_interval", config.credential_reload_interval,
           {absl::Seconds(1), absl::Hours(1)}),
      Choice("log.level", config.log.level, {"debug", "info", "warning", "error"}),
      Choice("log.format", config.log.format, {"text", "json"}),
      Flag("log.requests", config.log.requests),
      Path("state_dir", config.state.directory, "a directory"),
      Choice("state_sync", config.state.sync, {"always", "interval", "never"}),
      Time("state_sync_interval", config.state.sync_interval,
           {absl::Milliseconds(1), absl::Minutes(1)}),
      Path("capture.directory", config.capture.directory, "a directory"),
      Real("capture.share", config.capture.share, kShare),
      Size("capture.file_bytes", config.capture.file_bytes, {kMiB, kGiB}),
      Size("capture.max_bytes", config.capture.max_bytes, {kMiB, kTiB}),
      Path("event_log.directory", config.event_log.directory, "a directory"),
      Size("event_log.file_bytes", config.event_log.file_bytes, {kMiB, kGiB}),
      Size("event_log.max_bytes", config.event_log.max_bytes, {kMiB, kTiB}),
  };
  AddTlsFields(config.tls, fields);
  AddAuthFields(config.auth, fields);
  AddLimitFields(router, config.limits, fields);
  AddDiscoveryFields(config.discovery, fields);
  AddPolicyFields("default_policy.", config.default_policy, fields);
  return fields;
}

std::vector<ConfigField> FieldsOf(ModelSpec& model) {
  std::vector<ConfigField> fields = {
      Name("name", model.name, kModelNameBytesRange),
      // Their ranges and how they fit together are core's to judge.
      Whole("layers", model.geometry.layers),
      Whole("experts", model.geometry.experts),
      Whole("top_k", model.geometry.top_k),
      Ascending("moe_hidden_layers", model.geometry.moe_hidden_layers,
                "a list of ascending hidden layer numbers"),
  };
  AddPolicyFields("", model.settings, fields);
  return fields;
}

}  // namespace eldr
