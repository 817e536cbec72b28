// The names of enumerators that count from zero.
#ifndef ELDR_CORE_BASE_ENUM_NAME_H_
#define ELDR_CORE_BASE_ENUM_NAME_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace eldr {

// The name at the enumerator's place; "unknown" past the end.
template <typename Enum, std::size_t n>
absl::string_view EnumName(const absl::string_view (&names)[n], Enum value) {
  const auto place = static_cast<std::size_t>(value);
  return place < n ? names[place] : "unknown";
}

}  // namespace eldr

#endif  // ELDR_CORE_BASE_ENUM_NAME_H_
