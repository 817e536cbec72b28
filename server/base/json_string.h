// Text for JSON.
#ifndef ELDR_SERVER_BASE_JSON_STRING_H_
#define ELDR_SERVER_BASE_JSON_STRING_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace eldr {

// The length of the UTF-8 character that `text` begins with; 0 if it begins with none. REQUIRES:
// not empty.
std::size_t Utf8CharacterAt(absl::string_view text);

// Any bytes as a string of JSON, quotes included. Bytes that are no UTF-8 become U+FFFD.
std::string JsonString(absl::string_view text);

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_JSON_STRING_H_
