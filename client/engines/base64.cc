#include "client/engines/base64.h"

#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace eldr::engines {

absl::StatusOr<std::string> DecodeBase64(absl::string_view text) {
  // Abseil lets white space and other paddings through: engines write neither, so they are damage.
  std::size_t digits = text.size();
  while (digits > 0 && text.size() - digits < 2 && text[digits - 1] == '=') --digits;
  for (std::size_t i = 0; i < digits; ++i) {
    const char c = text[i];
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/') continue;
    return absl::InvalidArgumentError(absl::StrCat("base64: character \"",
                                                   absl::CHexEscape(text.substr(i, 1)), "\" at ", i,
                                                   ", expected A-Z, a-z, 0-9, + or /"));
  }
  if (text.size() % 4 != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("base64: ", text.size(), " characters, expected a multiple of 4"));
  }
  std::string bytes;
  if (!absl::Base64Unescape(text, &bytes)) {
    return absl::InvalidArgumentError(
        "base64: got padding that does not fit its end, expected zeros in the unused bits");
  }
  return bytes;
}

}  // namespace eldr::engines
