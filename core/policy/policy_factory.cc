#include "core/policy/policy_factory.h"

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
       return std::make_unique<ResidencyPolicy>(settings.w);
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

// `value` must be a number in (least, most], or [least, most] if `closed`.
absl::Status CheckNumber(absl::string_view name, double value, double least, bool closed,
                         double most) {
  const bool above = closed ? value >= least : value > least;
  if (above && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, ": got ", value, ", expected ",
                                                 closed ? "at least " : "more than ", least,
                                                 " and at most ", most));
}

absl::Status CheckDuration(absl::string_view name, absl::Duration value) {
  if (value >= absl::ZeroDuration() && value <= absl::Hours(1)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": got ", absl::FormatDuration(value), ", expected 0 to 1h"));
}

absl::Status CheckInterval(absl::string_view name, absl::Duration value) {
  if (value >= absl::Milliseconds(100) && value <= absl::Hours(1)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": got ", absl::FormatDuration(value), ", expected 100ms to 1h"));
}

absl::Status ValidateLocalityBand(const LocalityBandSettings& settings) {
  ELDR_RETURN_IF_ERROR(CheckNumber("locality_band.tau", settings.tau, 0, true, 2));
  ELDR_RETURN_IF_ERROR(CheckInterval("locality_band.window", settings.window));
  ELDR_RETURN_IF_ERROR(CheckInterval("locality_band.refit_interval", settings.refit_interval));
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
  const EstimateParameters& estimate = settings.estimate;
  ELDR_RETURN_IF_ERROR(CheckNumber("kappa", estimate.kappa, 0, false, 1e6));
  ELDR_RETURN_IF_ERROR(CheckNumber("p_max", estimate.p_max, 0, false, kMaxActivation));
  ELDR_RETURN_IF_ERROR(CheckNumber("n0", estimate.n0, 0, false, 1e9));
  ELDR_RETURN_IF_ERROR(CheckNumber("w", settings.w, 0, true, 1e6));
  ELDR_RETURN_IF_ERROR(CheckDuration("step_time.base", settings.step_time.base));
  ELDR_RETURN_IF_ERROR(CheckDuration("step_time.all_experts", settings.step_time.all_experts));
  ELDR_RETURN_IF_ERROR(CheckDuration("step_time.per_request", settings.step_time.per_request));
  ELDR_RETURN_IF_ERROR(
      CheckDuration("step_time.per_context_token", settings.step_time.per_context_token));
  return ValidateLocalityBand(settings.locality_band);
}

absl::Status CheckPolicyServes(const PolicySettings& settings, const ModelGeometry& geometry) {
  const Profile* profile = settings.locality_band.profile.get();
  if (!UsesLocalityBand(settings) || profile == nullptr) return absl::OkStatus();
  return CheckProfileServes(*profile, geometry);
}

}  // namespace eldr
