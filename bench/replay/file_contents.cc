#include "bench/replay/file_contents.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace eldr::replay {

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::NotFoundError(absl::StrCat(path, ": cannot open it: ", std::strerror(errno)));
  }
  std::ostringstream contents;
  contents << file.rdbuf();
  // An empty file sets failbit on `contents` alone; only badbit of the source is an error.
  if (file.bad()) return absl::UnavailableError(absl::StrCat(path, ": cannot read it"));
  return contents.str();
}

absl::Status Annotate(const absl::Status& status, absl::string_view where) {
  return absl::Status(status.code(), absl::StrCat(where, ": ", status.message()));
}

}  // namespace eldr::replay
