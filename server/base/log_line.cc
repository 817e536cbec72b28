#include "server/base/log_line.h"

#include <cstddef>

#include "absl/strings/escaping.h"
#include "server/base/json_string.h"

namespace eldr {
namespace {

constexpr std::size_t kMaxTextBytes = 4096;

// Bytes that are no UTF-8 are escaped, so that the line stays text.
std::string TextValue(absl::string_view text) {
  bool plain = !text.empty();
  bool utf8 = true;
  for (absl::string_view rest = text; !rest.empty();) {
    const std::size_t size = Utf8CharacterAt(rest);
    const auto byte = static_cast<unsigned char>(rest.front());
    utf8 = utf8 && size > 0;
    plain = plain && byte > 0x20 && byte != 0x7F && byte != '=' && byte != '"' && byte != '\\';
    rest.remove_prefix(size == 0 ? 1 : size);
  }
  if (plain && utf8) return std::string(text);
  return absl::StrCat("\"", utf8 ? absl::Utf8SafeCEscape(text) : absl::CEscape(text), "\"");
}

}  // namespace

absl::string_view Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "info";
}

LogLevel LogLevelOf(absl::string_view name) {
  for (const LogLevel level : {LogLevel::kDebug, LogLevel::kWarning, LogLevel::kError}) {
    if (name == Name(level)) return level;
  }
  return LogLevel::kInfo;
}

LogField::LogField(absl::string_view name, absl::string_view text) : key(name), quoted(true) {
  value = std::string(text.substr(0, kMaxTextBytes));
  if (text.size() > kMaxTextBytes) value += "...";
}

std::string FormatLogLine(bool json, absl::Time time, LogLevel level, absl::string_view event,
                          absl::Span<const LogField> fields) {
  const std::string stamp = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
  std::string line;
  if (json) {
    line = absl::StrCat("{\"time\":\"", stamp, "\",\"level\":\"", Name(level),
                        "\",\"event\":", JsonString(event));
    for (const LogField& field : fields) {
      absl::StrAppend(&line, ",", JsonString(field.key), ":",
                      field.quoted ? JsonString(field.value) : field.value);
    }
    line += '}';
  } else {
    line = absl::StrCat(stamp, " ", Name(level), " ", event);
    for (const LogField& field : fields) {
      absl::StrAppend(&line, " ", field.key, "=",
                      field.quoted ? TextValue(field.value) : field.value);
    }
  }
  line += '\n';
  return line;
}

}  // namespace eldr
