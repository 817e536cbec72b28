// Whole files, and errors that name them.
#ifndef ELDR_TOOLS_REPLAY_FILE_CONTENTS_H_
#define ELDR_TOOLS_REPLAY_FILE_CONTENTS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace eldr::replay {

// The errors of ReadContents(): NOT_FOUND if there is none.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// The same error with "`where`: " before its message.
absl::Status Annotate(const absl::Status& status, absl::string_view where);

}  // namespace eldr::replay

#endif  // ELDR_TOOLS_REPLAY_FILE_CONTENTS_H_
