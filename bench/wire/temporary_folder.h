// A folder that goes with its object.
#ifndef ELDR_BENCH_WIRE_TEMPORARY_FOLDER_H_
#define ELDR_BENCH_WIRE_TEMPORARY_FOLDER_H_

#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace eldr {

class TemporaryFolder {
 public:
  // UNAVAILABLE, naming the folder, if it can not be made.
  static absl::StatusOr<TemporaryFolder> Make() {
    std::error_code error;
    std::string path = (std::filesystem::temp_directory_path(error) / "eldr-XXXXXX").string();
    if (error || mkdtemp(path.data()) == nullptr) {
      return absl::UnavailableError(
          absl::StrCat(path, ": cannot make the folder: ", std::strerror(errno)));
    }
    return TemporaryFolder(std::move(path));
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

}  // namespace eldr

#endif  // ELDR_BENCH_WIRE_TEMPORARY_FOLDER_H_
