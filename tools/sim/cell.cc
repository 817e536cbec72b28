#include "tools/sim/cell.h"

#include <memory>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "core/policy/policy_factory.h"
#include "tools/replay/in_process_backend.h"
#include "tools/sim/domain_backend.h"
#include "tools/sim/timed_backend.h"
#include "tools/sim/traffic.h"

namespace eldr::sim {
namespace {

constexpr absl::string_view kOracle = "residency_oracle";
constexpr absl::string_view kDomain = "domain";

PolicySettings SettingsOf(const SimConfig& config, const SeedSetup& setup,
                          const std::string& policy) {
  PolicySettings settings = config.settings;
  settings.policy = policy;
  if (policy == kOracle) {
    // The signature is the truth (SignatureSource::kDecode), so it is believed.
    settings.policy = "residency";
    settings.estimate.kappa = 1e-6;
    settings.estimate.n0 = 1e9;
  } else if (policy == kDomain) {
    settings.policy = "least_loaded";
  }
  if (WantsProfile(policy)) settings.locality_band.profile = setup.profile;
  return settings;
}

absl::StatusOr<CellResult> Run(const SimConfig& config, const replay::Trace& trace,
                               const std::vector<RecordedArrival>& record, const SeedSetup& setup,
                               const std::string& policy, replay::OnProgress on_progress) {
  ELDR_ASSIGN_OR_RETURN(const auto traffic, Traffic::Create(config.traffic, config.replay.duration,
                                                            trace, setup.pool, record, setup.seed));
  ELDR_ASSIGN_OR_RETURN(const auto backend, MakeBackend(config, trace, setup, policy));
  replay::ReplayOptions options = config.replay;
  if (policy == kOracle) options.signatures = replay::SignatureSource::kDecode;

  CellResult cell;
  cell.policy = policy;
  cell.seed = setup.seed;
  cell.pool = setup.pool.size();
  cell.calibration = static_cast<std::size_t>(absl::c_count(setup.calibration, true));
  if (WantsProfile(policy)) {
    cell.fitted_on = setup.fitted_on;
    cell.fitted_in_sample = setup.fitted_in_sample;
  }
  if (config.time_decisions) {
    TimedBackend timed(*backend);
    ELDR_ASSIGN_OR_RETURN(cell.replay,
                          replay::Replay(trace, options, *traffic, timed, on_progress));
    std::vector<absl::Duration> times = timed.TakeTimes();
    cell.decision_time = replay::Summarize(times);
    return cell;
  }
  ELDR_ASSIGN_OR_RETURN(cell.replay,
                        replay::Replay(trace, options, *traffic, *backend, on_progress));
  return cell;
}

}  // namespace

absl::StatusOr<std::unique_ptr<replay::PlacementBackend>> MakeBackend(const SimConfig& config,
                                                                      const replay::Trace& trace,
                                                                      const SeedSetup& setup,
                                                                      const std::string& policy) {
  Router::Options options;
  options.seed = setup.seed;
  options.receipts = 0;
  // A request that waits in the simulator still has its signature.
  options.signature_ttl = absl::Hours(1);
  options.lease_ttl = absl::Hours(1);
  ModelSpec model;
  model.name = "model";
  model.geometry = trace.geometry;
  model.settings = SettingsOf(config, setup, policy);
  ELDR_ASSIGN_OR_RETURN(std::unique_ptr<replay::PlacementBackend> backend,
                        replay::InProcessBackend::Create(options, model));
  if (policy != kDomain) return backend;
  return std::make_unique<DomainBackend>(std::move(backend), setup.weight_by_domain);
}

std::vector<std::string> SimPolicyNames() {
  std::vector<std::string> names;
  for (const absl::string_view name : PolicyNames()) names.emplace_back(name);
  names.emplace_back(kOracle);
  names.emplace_back(kDomain);
  return names;
}

absl::Status CheckPolicyName(absl::string_view policy) {
  const std::vector<std::string> names = SimPolicyNames();
  if (absl::c_linear_search(names, policy)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("policy: got \"", policy, "\", expected one of ", absl::StrJoin(names, ", ")));
}

absl::Status CheckConfig(const SimConfig& config) {
  if (config.policies.empty()) {
    return absl::InvalidArgumentError("policy: got none, expected at least one");
  }
  for (const std::string& policy : config.policies) ELDR_RETURN_IF_ERROR(CheckPolicyName(policy));
  PolicySettings settings = config.settings;
  settings.policy = "residency";
  ELDR_RETURN_IF_ERROR(ValidatePolicySettings(settings));
  return replay::CheckReplayOptions(config.replay);
}

absl::StatusOr<CellResult> RunCell(const SimConfig& config, const replay::Trace& trace,
                                   const std::vector<RecordedArrival>& record,
                                   const SeedSetup& setup, const std::string& policy,
                                   replay::OnProgress on_progress) {
  absl::StatusOr<CellResult> cell = Run(config, trace, record, setup, policy, on_progress);
  if (cell.ok()) return cell;
  return absl::Status(cell.status().code(),
                      absl::StrCat(policy, ", seed ", setup.seed, ": ", cell.status().message()));
}

}  // namespace eldr::sim
