// How numbers, sizes and durations are written.
#include <algorithm>
#include <cstddef>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/config/config_field.h"

namespace eldr {
namespace {

struct Unit {
  absl::string_view name;
  std::uint64_t bytes;
};
// The largest first, and "B" last: it ends the names of the others.
constexpr Unit kUnits[] = {{"TiB", std::uint64_t{1} << 40},
                           {"GiB", 1 << 30},
                           {"MiB", 1 << 20},
                           {"KiB", 1 << 10},
                           {"B", 1}};

}  // namespace

bool ParseWhole(absl::string_view text, std::uint64_t* number) {
  const auto is_digit = [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); };
  if (!std::all_of(text.begin(), text.end(), is_digit)) return false;
  if (text.size() > 1 && text[0] == '0') return false;
  return absl::SimpleAtoi(text, number);
}

bool ParseSize(absl::string_view text, std::uint64_t* bytes) {
  std::uint64_t unit = 1;
  for (const Unit& candidate : kUnits) {
    if (absl::ConsumeSuffix(&text, candidate.name)) {
      unit = candidate.bytes;
      break;
    }
  }
  std::uint64_t number = 0;
  if (!ParseWhole(text, &number)) return false;
  if (number > std::numeric_limits<std::uint64_t>::max() / unit) return false;
  *bytes = number * unit;
  return true;
}

std::string FormatSize(std::uint64_t bytes) {
  for (const Unit& unit : kUnits) {
    if (bytes >= unit.bytes && bytes % unit.bytes == 0) {
      return absl::StrCat(bytes / unit.bytes, unit.name);
    }
  }
  return "0B";
}

bool ParseDurationText(absl::string_view text, absl::Duration* duration) {
  absl::Duration parsed;
  if (!absl::ParseDuration(text, &parsed)) return false;
  if (parsed == absl::InfiniteDuration() || parsed == -absl::InfiniteDuration()) return false;
  *duration = parsed;
  return true;
}

}  // namespace eldr
