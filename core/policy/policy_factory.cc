#include "core/policy/policy_factory.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "core/policy/load_policies.h"
#include "core/policy/residency_policy.h"

namespace eldr {
namespace {

using Maker = std::unique_ptr<const Policy> (*)(const PolicySettings&);

template <typename T>
std::unique_ptr<const Policy> Make(const PolicySettings&) {
  return std::make_unique<T>();
}

struct Entry {
  absl::string_view name;
  Maker make;
};

constexpr Entry kPolicies[] = {
    {"residency",
     [](const PolicySettings& settings) -> std::unique_ptr<const Policy> {
       return std::make_unique<ResidencyPolicy>(settings.w);
     }},
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

}  // namespace

std::unique_ptr<const Policy> MakePolicy(const PolicySettings& settings) {
  return FindEntry(settings.policy)->make(settings);
}

std::vector<absl::string_view> PolicyNames() {
  std::vector<absl::string_view> names;
  for (const Entry& entry : kPolicies) names.push_back(entry.name);
  return names;
}

std::map<std::string, double> PolicyParameters(const PolicySettings& settings) {
  return {
      {"kappa", settings.estimate.kappa},
      {"p_max", settings.estimate.p_max},
      {"n0", settings.estimate.n0},
      {"w", settings.w},
      {"step_time.base", absl::ToDoubleSeconds(settings.step_time.base)},
      {"step_time.all_experts", absl::ToDoubleSeconds(settings.step_time.all_experts)},
      {"step_time.per_request", absl::ToDoubleSeconds(settings.step_time.per_request)},
      {"step_time.per_context_token", absl::ToDoubleSeconds(settings.step_time.per_context_token)}};
}

absl::Status ValidatePolicySettings(const PolicySettings& settings) {
  if (FindEntry(settings.policy) == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("policy: got \"", settings.policy,
                                                   "\", expected one of ",
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
  return CheckDuration("step_time.per_context_token", settings.step_time.per_context_token);
}

}  // namespace eldr
