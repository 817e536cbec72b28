// Which policy a model uses, and with which parameters.
#ifndef ELDR_CORE_POLICY_POLICY_SETTINGS_H_
#define ELDR_CORE_POLICY_POLICY_SETTINGS_H_

#include <string>

#include "absl/status/status.h"
#include "core/base/range.h"
#include "core/model/model_geometry.h"
#include "core/policy/locality_band_settings.h"
#include "core/residency/contribution.h"
#include "core/step_time/step_time_model.h"

namespace eldr {

inline constexpr Range<double> kKappaRange = {.least = 0, .most = 1e6, .above = true};
inline constexpr Range<double> kMaxActivationRange = {
    .least = 0, .most = kMaxActivation, .above = true};
inline constexpr Range<double> kN0Range = {.least = 0, .most = 1e9, .above = true};
inline constexpr Range<double> kWRange = {0, 1e6};
// Of each term of the step time.
inline constexpr Range<absl::Duration> kStepTimeRange = {absl::ZeroDuration(), absl::Hours(1)};

struct PolicySettings {
  std::string policy = "residency";
  EstimateParameters estimate;
  StepTimeShape step_time;
  // Weight of the slowdown of the requests already on the node, against the time of the new one;
  // kWRange. More than 1, since a request that fits also draws in what fits later; much more buys
  // the median with the tail (docs/evaluation.md). The objective tail takes it for 0.6 at most.
  double w = 1.25;
  // Whose time the residency policy cares for most: ObjectiveNames() (residency_policy.h).
  std::string objective = "balanced";
  // A second policy that decides beside `policy`, without effect; empty: none.
  std::string shadow_policy;
  // For locality_band and locality_band_online.
  LocalityBandSettings locality_band;

  friend bool operator==(const PolicySettings&, const PolicySettings&) = default;
};

// INVALID_ARGUMENT, naming the setting ("policy", "kappa", "step_time.base", ...), if one is out of
// its range.
absl::Status ValidatePolicySettings(const PolicySettings& settings);
// INVALID_ARGUMENT, naming the setting, if valid settings do not fit a model of this geometry.
absl::Status CheckPolicyServes(const PolicySettings& settings, const ModelGeometry& geometry);

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_POLICY_SETTINGS_H_
