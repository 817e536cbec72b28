// One key of the configuration: where its value lives, how it is read and printed.
#ifndef ELDR_SERVER_CONFIG_CONFIG_FIELD_H_
#define ELDR_SERVER_CONFIG_CONFIG_FIELD_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/model/model_geometry.h"
#include "core/policy/policy_settings.h"
#include "server/config/config.h"

namespace eldr {

// Bound to a Config (or a ModelSpec), which it must not outlive.
struct ConfigField {
  std::string path;      // "default_policy.step_time.base"
  std::string expected;  // completes "expected ..."
  // Takes the value; false, with nothing changed, if it is not what is expected. A list takes a
  // call per element.
  std::function<bool(const std::string& text)> set;
  // As YAML, in flow style for a list.
  std::function<std::string()> print;
  // Set for a list only: empties it.
  std::function<void()> clear;
};

// The one table of keys; models apart.
std::vector<ConfigField> FieldsOf(Config& config);
// The keys of one element of `models`.
std::vector<ConfigField> FieldsOf(ModelSpec& model);

// Digits alone, without a zero before others, which YAML may take for octal.
bool ParseWhole(absl::string_view text, std::uint64_t* number);
// "256MiB" and the like; a number without a unit counts bytes.
bool ParseSize(absl::string_view text, std::uint64_t* bytes);
std::string FormatSize(std::uint64_t bytes);
// "10s", "500ms", "1h30m"; finite, with a unit unless zero.
bool ParseDurationText(absl::string_view text, absl::Duration* duration);

}  // namespace eldr

#endif  // ELDR_SERVER_CONFIG_CONFIG_FIELD_H_
