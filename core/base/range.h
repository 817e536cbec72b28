// What a setting may be: one statement of it, for whoever checks a value and whoever says what is
// expected.
//
//   inline constexpr Range<absl::Duration> kLeaseTtlRange = {absl::Seconds(1), absl::Hours(1)};
//   ELDR_RETURN_IF_ERROR(CheckRange("lease_ttl", options.lease_ttl, kLeaseTtlRange));
#ifndef ELDR_CORE_BASE_RANGE_H_
#define ELDR_CORE_BASE_RANGE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace eldr {

// From `least` to `most`, both allowed; `least` itself is not if `above` is set.
template <typename T>
struct Range {
  T least;
  T most;
  bool above = false;

  // False for a NaN.
  constexpr bool Contains(const T& value) const {
    return (above ? value > least : value >= least) && value <= most;
  }
};

// A value as messages show it.
std::string ShowValue(double value);
std::string ShowValue(std::uint64_t value);
std::string ShowValue(absl::Duration value);

// "0 to 2", or "greater than 0, at most 0.98".
template <typename T>
std::string DescribeRange(const Range<T>& range) {
  const std::string least = ShowValue(range.least), most = ShowValue(range.most);
  if (range.above) return absl::StrCat("greater than ", least, ", at most ", most);
  return absl::StrCat(least, " to ", most);
}

// INVALID_ARGUMENT, "name: got 3, expected 0 to 2", if the value is outside.
template <typename T>
absl::Status CheckRange(absl::string_view name, const T& value, const Range<T>& range) {
  if (range.Contains(value)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": got ", ShowValue(value), ", expected ", DescribeRange(range)));
}

}  // namespace eldr

#endif  // ELDR_CORE_BASE_RANGE_H_
