// The one seam to the files that a program writes, and how they are read. Code that writes more
// than once is handed a FileSystem, so that a test can make each step fail, or end the process
// before it.
#ifndef ELDR_CORE_BASE_FILE_SYSTEM_H_
#define ELDR_CORE_BASE_FILE_SYSTEM_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace eldr {

// What failed on a path and why, "/x/y: cannot be read: Permission denied", with the code that
// stands for the error: NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED for a full disk.
absl::Status FileError(int error_number, absl::string_view path, absl::string_view what);

// A file that is written from its start to its end. After an error its contents are undefined. Not
// thread-safe.
class OutputFile {
 public:
  // Closes it. The system writes what was appended when it likes.
  virtual ~OutputFile() = default;
  virtual absl::Status Append(absl::string_view bytes) = 0;
  // All that was appended is on disk when this returns OK.
  virtual absl::Status Sync() = 0;
  // Tells of errors that the system notices late, as NFS does of a full disk. Call it at most once,
  // last.
  virtual absl::Status Close() = 0;
};

// Errors are those of FileError(). Thread-safe.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // Makes the file, or empties it.
  virtual absl::StatusOr<std::unique_ptr<OutputFile>> Create(const std::string& path) = 0;
  // In one step, whatever was called `to` before is gone.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // OK if there is none.
  virtual absl::Status Remove(const std::string& path) = 0;
  // The names made, renamed and removed in the folder are on disk when this returns OK.
  virtual absl::Status SyncFolder(const std::string& path) = 0;
};

// The machine's. Lives forever.
FileSystem& RealFileSystem();

// Writes the file whole: whoever opens it at any time, after any crash, finds all of the old
// contents or all of the new ones. Needs room for both, and leave to make files in its folder; the
// new contents stand in a file of a similar name until they are on disk. Links are followed, and
// the file keeps its permissions. What is no file (a terminal, a pipe) is written to directly.
// The contents are `parts`, one after the other.
absl::Status ReplaceFile(FileSystem& files, const std::string& path,
                         absl::Span<const absl::string_view> parts);
inline absl::Status ReplaceFile(FileSystem& files, const std::string& path,
                                absl::string_view contents) {
  return ReplaceFile(files, path, absl::MakeConstSpan(&contents, 1));
}

// The whole of a regular file: another may never end, or never begin. `most_bytes` bounds what is
// read: beyond it INVALID_ARGUMENT.
absl::StatusOr<std::string> ReadContents(const std::string& path,
                                         std::size_t most_bytes = std::size_t{1} << 40);

}  // namespace eldr

#endif  // ELDR_CORE_BASE_FILE_SYSTEM_H_
