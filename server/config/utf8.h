// Text as the characters that it is made of.
#ifndef ELDR_SERVER_CONFIG_UTF8_H_
#define ELDR_SERVER_CONFIG_UTF8_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace eldr {

// A character of UTF-8: its code point, and in how many bytes it stands.
struct Utf8Character {
  std::uint32_t code = 0;
  std::size_t bytes = 0;  // 0: what is there is not UTF-8
};

// The character at the start of `text`. REQUIRES: it is not empty.
Utf8Character FirstUtf8Character(absl::string_view text);

// True if all of `text` is.
bool IsUtf8(absl::string_view text);

// A character that an editor does not show, or shows as something else than YAML reads: controls,
// line breaks that are none to YAML, marks of direction, what has no width, and byte order marks.
// Tab, line feed and return are not among them.
bool IsHiddenCharacter(std::uint32_t code);

}  // namespace eldr

#endif  // ELDR_SERVER_CONFIG_UTF8_H_
