#include "server/base/log_line.h"

#include <cstddef>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"

namespace eldr {
namespace {

constexpr std::size_t kMaxTextBytes = 4096;
constexpr absl::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

// The length of the UTF-8 character that `text` begins with; 0 if it begins with none.
std::size_t CharacterAt(absl::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what is beyond U+10FFFF.
  if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F) ||
      (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) {
    return 0;
  }
  return size;
}

std::string JsonString(absl::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t size = CharacterAt(text);
    const auto byte = static_cast<unsigned char>(text.front());
    if (size == 0) {
      absl::StrAppend(&out, kReplacement);
    } else if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text.front();
    } else if (byte < 0x20 || byte == 0x7F) {
      absl::StrAppendFormat(&out, "\\u%04x", byte);
    } else {
      absl::StrAppend(&out, text.substr(0, size));
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  out += '"';
  return out;
}

// Bytes that are no UTF-8 are escaped, so that the line stays text.
std::string TextValue(absl::string_view text) {
  bool plain = !text.empty();
  bool utf8 = true;
  for (absl::string_view rest = text; !rest.empty();) {
    const std::size_t size = CharacterAt(rest);
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
