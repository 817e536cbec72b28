// One line of the log: what it holds, and how it is written.
#ifndef ELDR_SERVER_BASE_LOG_LINE_H_
#define ELDR_SERVER_BASE_LOG_LINE_H_

#include <concepts>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace eldr {

// In rising order of severity.
enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };

// The name as the configuration and the lines have it, "warning".
absl::string_view Name(LogLevel level);
// REQUIRES: a name that log.level allows.
LogLevel LogLevelOf(absl::string_view name);

// A key and a value; text is quoted where needed, numbers and booleans are not. Text of more than
// 4 KiB is cut.
struct LogField {
  LogField(absl::string_view name, absl::string_view text);
  LogField(absl::string_view name, const std::string& text)
      : LogField(name, absl::string_view(text)) {}
  LogField(absl::string_view name, const char* text) : LogField(name, absl::string_view(text)) {}
  LogField(absl::string_view name, bool flag) : key(name), value(flag ? "true" : "false") {}
  template <typename Number>
  requires(std::integral<Number> || std::floating_point<Number>)
      LogField(absl::string_view name, Number number)
      : key(name), value(absl::StrCat(number)) {}

  absl::string_view key;
  std::string value;
  bool quoted = false;
};

// The line with its end. Always one line and valid UTF-8, and with `json` valid JSON, whatever
// bytes the fields hold.
std::string FormatLogLine(bool json, absl::Time time, LogLevel level, absl::string_view event,
                          absl::Span<const LogField> fields);

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_LOG_LINE_H_
