#include "tools/replay/file_contents.h"

#include "absl/strings/str_cat.h"
#include "core/base/file_system.h"

namespace eldr::replay {

absl::StatusOr<std::string> ReadFile(const std::string& path) { return ReadContents(path); }

absl::Status Annotate(const absl::Status& status, absl::string_view where) {
  return absl::Status(status.code(), absl::StrCat(where, ": ", status.message()));
}

}  // namespace eldr::replay
