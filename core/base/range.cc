#include "core/base/range.h"

#include <charconv>
#include <cmath>
#include <iterator>

namespace eldr {

std::string ShowValue(double value) {
  constexpr double kWhole = 1e15;  // up to here a double holds every whole number
  if (std::abs(value) < kWhole && value == std::floor(value)) {
    return absl::StrCat(static_cast<std::int64_t>(value));
  }
  // The fewest digits that read back as the same number.
  char buffer[32];
  const auto end = std::to_chars(std::begin(buffer), std::end(buffer), value).ptr;
  return std::string(buffer, end);
}

std::string ShowValue(std::uint64_t value) { return absl::StrCat(value); }

std::string ShowValue(absl::Duration value) { return absl::FormatDuration(value); }

}  // namespace eldr
