#include "server/config/config_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/config/utf8.h"

namespace eldr {
namespace {

absl::Status Refuse(absl::string_view file_name, std::size_t line, absl::string_view got,
                    absl::string_view expected) {
  return absl::InvalidArgumentError(
      absl::StrCat(file_name, ":", line, ": got ", got, ", expected ", expected));
}

absl::Status CannotRead(const std::string& path) {
  return absl::NotFoundError(
      absl::StrCat(path, ": cannot be read (", strerror(errno), "), expected a YAML file"));
}

// The mark that begins a text in another encoding; empty if there is none.
absl::string_view ForeignEncoding(absl::string_view text) {
  const auto begins = [text](std::initializer_list<char> mark) {
    return absl::StartsWith(text, absl::string_view(mark.begin(), mark.size()));
  };
  if (begins({'\xff', '\xfe', 0, 0}) || begins({0, 0, '\xfe', '\xff'})) return "UTF-32";
  if (begins({'\xff', '\xfe'}) || begins({'\xfe', '\xff'})) return "UTF-16";
  return "";
}

constexpr absl::string_view kExpectedUtf8 = "text in UTF-8; save the file in that encoding";

// What is wrong with the character that `text` starts with.
absl::Status CheckCharacter(absl::string_view text, const Utf8Character& character,
                            absl::string_view file_name, std::size_t line) {
  if (character.bytes == 0)
    return Refuse(file_name, line, "bytes that are not UTF-8", kExpectedUtf8);
  const std::uint32_t code = character.code;
  if (code == 0) {
    return Refuse(file_name, line, "a NUL byte, as in UTF-16, UTF-32 or a damaged file",
                  kExpectedUtf8);
  }
  // Editors show these as line breaks. To YAML a comment would go on behind them.
  const bool lone_return = code == '\r' && !absl::StartsWith(text, "\r\n");
  if (lone_return || code == 0x85 || code == 0x2028 || code == 0x2029) {
    return Refuse(file_name, line,
                  absl::StrCat("the line break U+", absl::Hex(code, absl::kZeroPad4)),
                  "lines that end with a line feed");
  }
  if (IsHiddenCharacter(code)) {
    return Refuse(file_name, line,
                  absl::StrCat("the invisible character U+", absl::Hex(code, absl::kZeroPad4)),
                  "text without it; a value may have it in quotes, as \"\\u....\"");
  }
  return absl::OkStatus();
}

// A directive changes how the rest is read, or is ignored.
absl::Status CheckDirective(absl::string_view rest, absl::string_view file_name, std::size_t line) {
  if (!absl::StartsWith(rest, "%") || absl::StartsWith(rest, "%YAML 1.")) return absl::OkStatus();
  return Refuse(file_name, line, "a line that starts with %", "keys and values");
}

}  // namespace

absl::StatusOr<std::string> ReadConfigFile(const std::string& path) {
  // Not blocking: to open a pipe would wait for whoever writes to it.
  const int fd = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return CannotRead(path);
  const absl::Cleanup close_it = [fd] { close(fd); };
  struct stat status {};
  if (fstat(fd, &status) != 0) return CannotRead(path);
  const auto refuse = [&path](const auto&... parts) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": got ", parts...));
  };
  if (!S_ISREG(status.st_mode)) {
    return refuse(S_ISDIR(status.st_mode) ? "a folder" : "a pipe, device or socket",
                  ", expected a regular file with YAML");
  }
  std::string text;
  char buffer[64 << 10];
  while (true) {
    const ssize_t count = read(fd, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return CannotRead(path);
    if (count == 0) break;
    text.append(buffer, static_cast<std::size_t>(count));
    if (text.size() > kMaxConfigBytes) {
      return refuse("a file of more than ", kMaxConfigBytes >> 20,
                    " MiB, expected a configuration");
    }
  }
  if (absl::StripAsciiWhitespace(text).empty()) {
    return refuse(
        "an empty file, expected keys and values; for the defaults leave --config out, or "
        "write a comment into it");
  }
  return text;
}

absl::Status CheckConfigText(absl::string_view text, absl::string_view file_name) {
  if (const absl::string_view encoding = ForeignEncoding(text); !encoding.empty()) {
    return Refuse(file_name, 1, encoding, kExpectedUtf8);
  }
  absl::string_view rest = text;
  if (absl::StartsWith(rest, "\xef\xbb\xbf")) rest.remove_prefix(3);
  ELDR_RETURN_IF_ERROR(CheckDirective(rest, file_name, 1));
  std::size_t line = 1;
  while (!rest.empty()) {
    const Utf8Character character = FirstUtf8Character(rest);
    ELDR_RETURN_IF_ERROR(CheckCharacter(rest, character, file_name, line));
    rest.remove_prefix(character.bytes);
    if (character.code != '\n') continue;
    ++line;
    ELDR_RETURN_IF_ERROR(CheckDirective(rest, file_name, line));
  }
  return absl::OkStatus();
}

}  // namespace eldr
