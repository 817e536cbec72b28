#include "client/ctl/duration_option.h"

#include "absl/strings/str_cat.h"

namespace eldr::ctl {
namespace {

template <typename Value>
CLI::Option* Add(CLI::App& app, const std::string& name, Value& value,
                 const std::string& description) {
  return app
      .add_option_function<std::string>(
          name,
          [name, &value](const std::string& text) {
            const absl::StatusOr<absl::Duration> parsed = ParseDuration(text);
            if (!parsed.ok())
              throw CLI::ValidationError(name, std::string(parsed.status().message()));
            value = *parsed;
          },
          description)
      ->type_name("DURATION");
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text) {
  absl::Duration duration;
  if (absl::ParseDuration(text, &duration) && duration >= absl::ZeroDuration() &&
      duration < absl::InfiniteDuration()) {
    return duration;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is not a duration, expected one like 500ms, 10s or 10m"));
}

CLI::Option* AddDuration(CLI::App& app, const std::string& name, absl::Duration& value,
                         const std::string& description) {
  return Add(app, name, value, description);
}

CLI::Option* AddDuration(CLI::App& app, const std::string& name,
                         std::optional<absl::Duration>& value, const std::string& description) {
  return Add(app, name, value, description);
}

}  // namespace eldr::ctl
