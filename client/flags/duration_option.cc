#include "client/flags/duration_option.h"

#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace eldr::flags {
namespace {

template <typename Value>
CLI::Option* Add(CLI::App& app, const std::string& name, Value& value,
                 const std::string& description, const DurationRange& range) {
  return app
      .add_option_function<std::string>(
          name,
          [name, &value, range](const std::string& text) {
            const absl::StatusOr<absl::Duration> parsed = ParseDuration(text, range);
            if (!parsed.ok())
              throw CLI::ValidationError(name, std::string(parsed.status().message()));
            value = *parsed;
          },
          description)
      ->type_name("DURATION");
}

std::string Expected(const DurationRange& range) {
  const std::string least = absl::FormatDuration(range.least);
  if (range.most == absl::InfiniteDuration()) return absl::StrCat(least, " or more");
  return absl::StrCat(least, " to ", absl::FormatDuration(range.most));
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text, const DurationRange& range) {
  absl::Duration duration;
  double seconds = 0;
  const bool bare =
      range.seconds_without_unit && absl::SimpleAtod(text, &seconds) && std::isfinite(seconds);
  if (bare) duration = absl::Seconds(seconds);
  if ((!bare && !absl::ParseDuration(text, &duration)) || duration < absl::ZeroDuration() ||
      duration == absl::InfiniteDuration()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\": expected a duration with its unit, like 500ms, 10s or 10m"));
  }
  if (duration < range.least || duration > range.most) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\": expected ", Expected(range)));
  }
  return duration;
}

CLI::Option* AddDuration(CLI::App& app, const std::string& name, absl::Duration& value,
                         const std::string& description, const DurationRange& range) {
  return Add(app, name, value, description, range);
}

CLI::Option* AddDuration(CLI::App& app, const std::string& name,
                         std::optional<absl::Duration>& value, const std::string& description,
                         const DurationRange& range) {
  return Add(app, name, value, description, range);
}

}  // namespace eldr::flags
