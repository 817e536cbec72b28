// Policies by their configured names.
#ifndef ELDR_CORE_POLICY_POLICY_FACTORY_H_
#define ELDR_CORE_POLICY_POLICY_FACTORY_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/policy/policy.h"
#include "core/policy/policy_settings.h"

namespace eldr {

// The policy that `settings.policy` names. REQUIRES: ValidatePolicySettings(settings) and
// CheckPolicyServes(settings, geometry) are OK.
std::unique_ptr<Policy> MakePolicy(const PolicySettings& settings, const ModelGeometry& geometry);

// The policy that `settings.shadow_policy` names, or nullptr if that is empty. REQUIRES: as above.
std::unique_ptr<Policy> MakeShadowPolicy(const PolicySettings& settings,
                                         const ModelGeometry& geometry);

// The names that MakePolicy knows, the default first.
std::vector<absl::string_view> PolicyNames();

// The parameters in force, by configuration name; durations in seconds. Those of the locality band
// only if that is the policy or its shadow.
std::map<std::string, double> PolicyParameters(const PolicySettings& settings);

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_POLICY_FACTORY_H_
