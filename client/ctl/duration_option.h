// Options whose value is a duration.
#ifndef ELDR_CLIENT_CTL_DURATION_OPTION_H_
#define ELDR_CLIENT_CTL_DURATION_OPTION_H_

#include <CLI/App.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace eldr::ctl {

// Reads a finite duration of 0 or more, with its unit: "500ms", "10s", "10m", "1h30m".
absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text);

// Declares a duration; a bad one is a usage error.
CLI::Option* AddDuration(CLI::App& app, const std::string& name, absl::Duration& value,
                         const std::string& description);
CLI::Option* AddDuration(CLI::App& app, const std::string& name,
                         std::optional<absl::Duration>& value, const std::string& description);

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_DURATION_OPTION_H_
