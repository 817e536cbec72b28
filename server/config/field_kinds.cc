#include "server/config/field_kinds.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "server/config/listen_address.h"
#include "server/config/utf8.h"

namespace eldr {
namespace {

// In YAML's own escapes, which are not those of C: "\000" is a zero and two digits there, and "\'"
// is refused.
std::string Quoted(absl::string_view text) {
  std::string quoted = "\"";
  while (!text.empty()) {
    const Utf8Character character = FirstUtf8Character(text);
    // A byte that is no UTF-8 is shown as the character of its number.
    const bool is_utf8 = character.bytes > 0;
    const std::size_t bytes = is_utf8 ? character.bytes : 1;
    const std::uint32_t code = is_utf8 ? character.code : static_cast<unsigned char>(text[0]);
    if (!is_utf8 || code < 0x20 || (IsHiddenCharacter(code) && code <= 0xff)) {
      absl::StrAppend(&quoted, "\\x", absl::Hex(code, absl::kZeroPad2));
    } else if (IsHiddenCharacter(code)) {
      absl::StrAppend(&quoted, "\\u", absl::Hex(code, absl::kZeroPad4));
    } else {
      if (code == '"' || code == '\\') quoted += '\\';
      absl::StrAppend(&quoted, text.substr(0, bytes));
    }
    text.remove_prefix(bytes);
  }
  return quoted + '"';
}

std::string QuotedList(const std::vector<std::string>& values) {
  const auto quote = [](std::string* out, const std::string& value) {
    absl::StrAppend(out, Quoted(value));
  };
  return absl::StrCat("[", absl::StrJoin(values, ", ", quote), "]");
}

bool IsPrintable(absl::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); });
}

bool IsPath(absl::string_view text) {
  // Nobody expands a home folder here, and the system ends a path at a NUL.
  return text != "~" && !absl::StartsWith(text, "~/") && IsPrintable(text);
}

bool IsApiServer(absl::string_view text) {
  const bool tls = absl::ConsumePrefix(&text, "https://");
  if (!tls && !absl::ConsumePrefix(&text, "http://")) return false;
  if (text.find_first_of("/@?# ") != absl::string_view::npos) return false;
  // A port is told or the scheme's: an address of the loopback alone goes without a certificate.
  const bool has_port =
      text.rfind(':') != absl::string_view::npos && (text.empty() || text.back() != ']');
  const auto address =
      ParseListenAddress(has_port ? std::string(text) : absl::StrCat(text, ":443"));
  return address.ok() && !address->unix_socket && !address->host.empty() &&
         (tls || address->loopback());
}

constexpr char kAddressExpected[] = "HOST:PORT with a port of 0 to 65535, [IPV6]:PORT or unix:PATH";

}  // namespace

ConfigField Flag(std::string path, bool& value) {
  return {.path = std::move(path),
          .expected = "true or false",
          .set =
              [&value](const std::string& text) {
                if (text != "true" && text != "false") return false;
                value = text == "true";
                return true;
              },
          .print = [&value] { return std::string(value ? "true" : "false"); },
          .clear = nullptr};
}

ConfigField Whole(std::string path, std::uint64_t& value, const Range<std::uint64_t>& range) {
  const bool bounded = range.most != std::numeric_limits<std::uint64_t>::max();
  return {.path = std::move(path),
          .expected = bounded ? absl::StrCat("a whole number of ", DescribeRange(range))
                              : absl::StrCat("a whole number of at least ", ShowValue(range.least)),
          .set =
              [&value, range](const std::string& text) {
                std::uint64_t number = 0;
                if (!ParseWhole(text, &number) || !range.Contains(number)) return false;
                value = number;
                return true;
              },
          .print = [&value] { return absl::StrCat(value); },
          .clear = nullptr};
}

ConfigField Whole(std::string path, std::uint32_t& value) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  return {.path = std::move(path),
          .expected = absl::StrCat("a whole number of 0 to ", kMost),
          .set =
              [&value](const std::string& text) {
                std::uint64_t number = 0;
                if (!ParseWhole(text, &number) || number > kMost) return false;
                value = static_cast<std::uint32_t>(number);
                return true;
              },
          .print = [&value] { return absl::StrCat(value); },
          .clear = nullptr};
}

ConfigField Size(std::string path, std::uint64_t& value, const Range<std::uint64_t>& range) {
  return {.path = std::move(path),
          .expected = absl::StrCat("a size of ", FormatSize(range.least), " to ",
                                   FormatSize(range.most), ", such as 4MiB"),
          .set =
              [&value, range](const std::string& text) {
                std::uint64_t bytes = 0;
                if (!ParseSize(text, &bytes) || !range.Contains(bytes)) return false;
                value = bytes;
                return true;
              },
          .print = [&value] { return FormatSize(value); },
          .clear = nullptr};
}

ConfigField Time(std::string path, absl::Duration& value, const Range<absl::Duration>& range) {
  return {.path = std::move(path),
          .expected =
              absl::StrCat("a duration of ", DescribeRange(range), ", such as 500ms, 10s or 10m"),
          .set =
              [&value, range](const std::string& text) {
                absl::Duration duration;
                if (!ParseDurationText(text, &duration) || !range.Contains(duration)) return false;
                value = duration;
                return true;
              },
          .print = [&value] { return absl::FormatDuration(value); },
          .clear = nullptr};
}

ConfigField Real(std::string path, double& value, const Range<double>& range) {
  return {.path = std::move(path),
          .expected = absl::StrCat("a number ", range.above ? "" : "of ", DescribeRange(range)),
          .set =
              [&value, range](const std::string& text) {
                double number = 0;
                if (!absl::SimpleAtod(text, &number) || !range.Contains(number)) return false;
                value = number;
                return true;
              },
          .print = [&value] { return ShowValue(value); },
          .clear = nullptr};
}

ConfigField Choice(std::string path, std::string& value, std::vector<absl::string_view> choices) {
  const bool optional = choices.front().empty();
  return {.path = std::move(path),
          .expected =
              absl::StrCat(optional ? "nothing or one of " : "one of ",
                           absl::StrJoin(absl::MakeSpan(choices).subspan(optional ? 1 : 0), ", ")),
          .set =
              [&value, choices = std::move(choices)](const std::string& text) {
                for (const absl::string_view choice : choices) {
                  if (text == choice) {
                    value = text;
                    return true;
                  }
                }
                return false;
              },
          .print = [&value] { return value.empty() ? Quoted(value) : value; },
          .clear = nullptr};
}

ConfigField Name(std::string path, std::string& value, const Range<std::uint64_t>& bytes) {
  return {.path = std::move(path),
          .expected = absl::StrCat("a name of ", DescribeRange(bytes), " bytes"),
          .set =
              [&value, bytes](const std::string& text) {
                if (!bytes.Contains(text.size())) return false;
                value = text;
                return true;
              },
          .print = [&value] { return Quoted(value); },
          .clear = nullptr};
}

ConfigField Path(std::string path, std::string& value, absl::string_view what) {
  return {.path = std::move(path),
          .expected = absl::StrCat("the path of ", what, ", without ~ and control characters"),
          .set =
              [&value](const std::string& text) {
                if (!IsPath(text)) return false;
                value = text;
                return true;
              },
          .print = [&value] { return Quoted(value); },
          .clear = nullptr};
}

ConfigField Text(std::string path, std::string& value, absl::string_view what) {
  constexpr std::size_t kMostBytes = 4096;
  return {.path = std::move(path),
          .expected = absl::StrCat(what, ", in one line of at most ", kMostBytes, " bytes"),
          .set =
              [&value](const std::string& text) {
                if (text.size() > kMostBytes || !IsPrintable(text)) return false;
                value = text;
                return true;
              },
          .print = [&value] { return Quoted(value); },
          .clear = nullptr};
}

ConfigField ApiServer(std::string path, std::string& value) {
  return {.path = std::move(path),
          .expected = "https://HOST[:PORT], or http:// of the loopback",
          .set =
              [&value](const std::string& text) {
                if (!IsApiServer(text)) return false;
                value = text;
                return true;
              },
          .print = [&value] { return Quoted(value); },
          .clear = nullptr};
}

ConfigField TcpAddress(std::string path, std::string& value) {
  return {.path = std::move(path),
          .expected = "HOST:PORT with a port of 0 to 65535 or [IPV6]:PORT",
          .set =
              [&value](const std::string& text) {
                const auto address = ParseListenAddress(text);
                if (!address.ok() || address->unix_socket) return false;
                value = text;
                return true;
              },
          .print = [&value] { return Quoted(value); },
          .clear = nullptr};
}

ConfigField Addresses(std::string path, std::vector<std::string>& values) {
  return {.path = std::move(path),
          .expected = kAddressExpected,
          .set =
              [&values](const std::string& text) {
                if (!ParseListenAddress(text).ok()) return false;
                values.push_back(text);
                return true;
              },
          .print = [&values] { return QuotedList(values); },
          .clear = [&values] { values.clear(); }};
}

ConfigField Paths(std::string path, std::vector<std::string>& values, absl::string_view what) {
  return {.path = std::move(path),
          .expected = absl::StrCat("paths of ", what, ", without ~ and control characters"),
          .set =
              [&values](const std::string& text) {
                if (text.empty() || !IsPath(text)) return false;
                values.push_back(text);
                return true;
              },
          .print = [&values] { return QuotedList(values); },
          .clear = [&values] { values.clear(); }};
}

ConfigField Texts(std::string path, std::vector<std::string>& values, std::string expected) {
  return {.path = std::move(path),
          .expected = std::move(expected),
          .set =
              [&values](const std::string& text) {
                if (text.empty()) return false;
                values.push_back(text);
                return true;
              },
          .print = [&values] { return QuotedList(values); },
          .clear = [&values] { values.clear(); }};
}

ConfigField Ports(std::string path, std::vector<std::uint32_t>& values) {
  constexpr std::size_t kMostPorts = 8;  // as an InferencePool has at most
  return {.path = std::move(path),
          .expected = absl::StrCat("1 to ", kMostPorts, " ports of 1 to 65535, each once"),
          .set =
              [&values](const std::string& text) {
                std::uint64_t number = 0;
                if (!ParseWhole(text, &number) || number == 0 || number > 65535) return false;
                const auto port = static_cast<std::uint32_t>(number);
                if (values.size() == kMostPorts) return false;
                if (std::find(values.begin(), values.end(), port) != values.end()) return false;
                values.push_back(port);
                return true;
              },
          .print = [&values] { return absl::StrCat("[", absl::StrJoin(values, ", "), "]"); },
          .clear = [&values] { values.clear(); }};
}

ConfigField Ascending(std::string path, std::vector<std::uint32_t>& values, std::string expected) {
  return {.path = std::move(path),
          .expected = std::move(expected),
          .set =
              [&values](const std::string& text) {
                std::uint64_t number = 0;
                if (!ParseWhole(text, &number)) return false;
                if (number > std::numeric_limits<std::uint32_t>::max()) return false;
                if (!values.empty() && number <= values.back()) return false;
                values.push_back(static_cast<std::uint32_t>(number));
                return true;
              },
          .print = [&values] { return absl::StrCat("[", absl::StrJoin(values, ", "), "]"); },
          .clear = [&values] { values.clear(); }};
}

}  // namespace eldr
