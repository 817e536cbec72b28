// The text of a configuration file, if it is what an editor shows.
//
// A YAML reader guesses encodings, drops what it cannot read and ends lines where an editor does
// not. A key that is lost so leaves its default in force, and nobody hears of it.
#ifndef ELDR_SERVER_CONFIG_CONFIG_SOURCE_H_
#define ELDR_SERVER_CONFIG_CONFIG_SOURCE_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace eldr {

// Larger than any configuration: 1,024 models that set every key.
inline constexpr std::size_t kMaxConfigBytes = std::size_t{4} << 20;

// The whole of a file. NOT_FOUND, with the reason, if it cannot be read; INVALID_ARGUMENT if it is
// no regular file (a pipe may never end), too large or empty: an empty file is one that somebody
// failed to write.
absl::StatusOr<std::string> ReadConfigFile(const std::string& path);

// INVALID_ARGUMENT, "FILE:LINE: got ..., expected ...", unless the text is UTF-8 (with a byte order
// mark or without) whose lines end as YAML's do, without control characters and directives.
absl::Status CheckConfigText(absl::string_view text, absl::string_view file_name);

}  // namespace eldr

#endif  // ELDR_SERVER_CONFIG_CONFIG_SOURCE_H_
