// Which policy a model uses, and with which parameters.
#ifndef ELDR_CORE_POLICY_POLICY_SETTINGS_H_
#define ELDR_CORE_POLICY_POLICY_SETTINGS_H_

#include <string>

#include "absl/status/status.h"
#include "core/residency/contribution.h"
#include "core/step_time/step_time_model.h"

namespace eldr {

struct PolicySettings {
  std::string policy = "residency";
  EstimateParameters estimate;
  StepTimeShape step_time;
  // Weight of the slowdown of the requests already on the node, against the time of the new one; >=
  // 0.
  double w = 1;

  friend bool operator==(const PolicySettings&, const PolicySettings&) = default;
};

// INVALID_ARGUMENT, naming the setting ("policy", "kappa", "step_time.base", ...), if one is out of
// its range.
absl::Status ValidatePolicySettings(const PolicySettings& settings);

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_POLICY_SETTINGS_H_
