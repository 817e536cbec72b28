// Options whose value is a duration.
#ifndef ELDR_CLIENT_FLAGS_DURATION_OPTION_H_
#define ELDR_CLIENT_FLAGS_DURATION_OPTION_H_

#include <CLI/App.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace eldr::flags {

// Both ends are allowed; a duration is finite and never negative.
struct DurationRange {
  absl::Duration least = absl::ZeroDuration();
  absl::Duration most = absl::InfiniteDuration();
  // A number alone is so many seconds: for simulated time. Elsewhere it could be meant as
  // milliseconds.
  bool seconds_without_unit = false;
};

// Reads a duration with its unit: "500ms", "10s", "10m", "1h30m". INVALID_ARGUMENT, with what was
// expected, for anything else.
absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text,
                                             const DurationRange& range = {});

// Declares a duration; a bad one is a usage error.
CLI::Option* AddDuration(CLI::App& app, const std::string& name, absl::Duration& value,
                         const std::string& description, const DurationRange& range = {});
CLI::Option* AddDuration(CLI::App& app, const std::string& name,
                         std::optional<absl::Duration>& value, const std::string& description,
                         const DurationRange& range = {});

}  // namespace eldr::flags

#endif  // ELDR_CLIENT_FLAGS_DURATION_OPTION_H_
