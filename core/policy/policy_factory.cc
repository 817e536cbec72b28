#include "core/policy/policy_factory.h"

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "core/policy/load_policies.h"
#include "core/policy/locality_band_policy.h"
#include "core/policy/residency_policy.h"

namespace eldr {
namespace {

using Maker = std::unique_ptr<Policy> (*)(const PolicySettings&, const ModelGeometry&);

template <typename T>
std::unique_ptr<Policy> Make(const PolicySettings&, const ModelGeometry&) {
  return std::make_unique<T>();
}

template <LocalityBandPolicy::Refits refits>
std::unique_ptr<Policy> MakeLocalityBand(const PolicySettings& settings,
                                         const ModelGeometry& geometry) {
  return std::make_unique<LocalityBandPolicy>(settings.locality_band, refits, geometry);
}

struct Entry {
  absl::string_view name;
  Maker make;
};

constexpr Entry kPolicies[] = {
    {"residency",
     [](const PolicySettings& settings, const ModelGeometry&) -> std::unique_ptr<Policy> {
       return std::make_unique<ResidencyPolicy>(ObjectiveOf(settings.objective, settings.w));
     }},
    {"locality_band", MakeLocalityBand<LocalityBandPolicy::Refits::kNever>},
    {"locality_band_online", MakeLocalityBand<LocalityBandPolicy::Refits::kContinually>},
    {"least_loaded", Make<LeastLoadedPolicy>},
    {"power_of_two", Make<PowerOfTwoPolicy>},
    {"round_robin", Make<RoundRobinPolicy>},
    {"random", Make<RandomPolicy>},
};

const Entry* FindEntry(absl::string_view name) {
  for (const Entry& entry : kPolicies) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

absl::Status ValidateLocalityBand(const LocalityBandSettings& settings) {
  ELDR_RETURN_IF_ERROR(CheckRange("locality_band.tau", settings.tau, kTauRange));
  ELDR_RETURN_IF_ERROR(CheckRange("locality_band.window", settings.window, kFitTimeRange));
  ELDR_RETURN_IF_ERROR(
      CheckRange("locality_band.refit_interval", settings.refit_interval, kFitTimeRange));
  return settings.profile == nullptr ? absl::OkStatus() : ValidateProfile(*settings.profile);
}

bool UsesLocalityBand(const PolicySettings& settings) {
  const auto is_band = [](absl::string_view policy) {
    return policy == "locality_band" || policy == "locality_band_online";
  };
  return is_band(settings.policy) || is_band(settings.shadow_policy);
}

}  // namespace

std::unique_ptr<Policy> MakePolicy(const PolicySettings& settings, const ModelGeometry& geometry) {
  return FindEntry(settings.policy)->make(settings, geometry);
}

std::unique_ptr<Policy> MakeShadowPolicy(const PolicySettings& settings,
                                         const ModelGeometry& geometry) {
  if (settings.shadow_policy.empty()) return nullptr;
  return FindEntry(settings.shadow_policy)->make(settings, geometry);
}

std::vector<absl::string_view> PolicyNames() {
  std::vector<absl::string_view> names;
  for (const Entry& entry : kPolicies) names.push_back(entry.name);
  return names;
}

std::map<std::string, double> PolicyParameters(const PolicySettings& settings) {
  std::map<std::string, double> parameters = {
      {"kappa", settings.estimate.kappa},
      {"p_max", settings.estimate.p_max},
      {"n0", settings.estimate.n0},
      {"w", settings.w},
      {"step_time.base", absl::ToDoubleSeconds(settings.step_time.base)},
      {"step_time.all_experts", absl::ToDoubleSeconds(settings.step_time.all_experts)},
      {"step_time.per_request", absl::ToDoubleSeconds(settings.step_time.per_request)},
      {"step_time.per_context_token", absl::ToDoubleSeconds(settings.step_time.per_context_token)}};
  if (UsesLocalityBand(settings)) {
    const LocalityBandSettings& band = settings.locality_band;
    parameters["locality_band.tau"] = band.tau;
    parameters["locality_band.seeded_ties"] = band.seeded_ties ? 1 : 0;
    parameters["locality_band.window"] = absl::ToDoubleSeconds(band.window);
    parameters["locality_band.refit_interval"] = absl::ToDoubleSeconds(band.refit_interval);
  }
  return parameters;
}

absl::Status ValidatePolicySettings(const PolicySettings& settings) {
  if (FindEntry(settings.policy) == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("policy: got \"", settings.policy,
                                                   "\", expected one of ",
                                                   absl::StrJoin(PolicyNames(), ", ")));
  }
  if (!settings.shadow_policy.empty() && FindEntry(settings.shadow_policy) == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("shadow_policy: got \"", settings.shadow_policy,
                                                   "\", expected nothing or one of ",
                                                   absl::StrJoin(PolicyNames(), ", ")));
  }
  const std::vector<absl::string_view> objectives = ObjectiveNames();
  if (!absl::c_linear_search(objectives, settings.objective)) {
    return absl::InvalidArgumentError(absl::StrCat("objective: got \"", settings.objective,
                                                   "\", expected one of ",
                                                   absl::StrJoin(objectives, ", ")));
  }
  const EstimateParameters& estimate = settings.estimate;
  ELDR_RETURN_IF_ERROR(CheckRange("kappa", estimate.kappa, kKappaRange));
  ELDR_RETURN_IF_ERROR(CheckRange("p_max", estimate.p_max, kMaxActivationRange));
  ELDR_RETURN_IF_ERROR(CheckRange("n0", estimate.n0, kN0Range));
  ELDR_RETURN_IF_ERROR(CheckRange("w", settings.w, kWRange));
  const StepTimeShape& step = settings.step_time;
  ELDR_RETURN_IF_ERROR(CheckRange("step_time.base", step.base, kStepTimeRange));
  ELDR_RETURN_IF_ERROR(CheckRange("step_time.all_experts", step.all_experts, kStepTimeRange));
  ELDR_RETURN_IF_ERROR(CheckRange("step_time.per_request", step.per_request, kStepTimeRange));
  ELDR_RETURN_IF_ERROR(
      CheckRange("step_time.per_context_token", step.per_context_token, kStepTimeRange));
  return ValidateLocalityBand(settings.locality_band);
}

absl::Status CheckPolicyServes(const PolicySettings& settings, const ModelGeometry& geometry) {
  const Profile* profile = settings.locality_band.profile.get();
  if (!UsesLocalityBand(settings) || profile == nullptr) return absl::OkStatus();
  return CheckProfileServes(*profile, geometry);
}

}  // namespace eldr
