// Base64 that names what is wrong with it.
#ifndef ELDR_CLIENT_ENGINES_BASE64_H_
#define ELDR_CLIENT_ENGINES_BASE64_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace eldr::engines {

// The bytes behind standard base64 (+ and /) with its padding, and nothing between.
// INVALID_ARGUMENT, naming the place, for anything else.
absl::StatusOr<std::string> DecodeBase64(absl::string_view text);

}  // namespace eldr::engines

#endif  // ELDR_CLIENT_ENGINES_BASE64_H_
