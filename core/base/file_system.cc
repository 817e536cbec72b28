#include "core/base/file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr {
namespace {

// Calls until it is not interrupted.
template <typename SystemCall>
auto Uninterrupted(SystemCall&& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// Closed with the object.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }
  int Release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

class PosixFile final : public OutputFile {
 public:
  PosixFile(int number, std::string path) : file_(number), path_(std::move(path)) {}

  absl::Status Append(absl::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written =
          Uninterrupted([&] { return write(file_.number(), bytes.data(), bytes.size()); });
      if (written < 0) return FileError(errno, path_, "cannot be written to");
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    // Terminals and pipes keep nothing, so there is nothing to sync.
    if (Uninterrupted([&] { return fsync(file_.number()); }) == 0 || errno == EINVAL ||
        errno == EROFS) {
      return absl::OkStatus();
    }
    return FileError(errno, path_, "cannot be synced to disk");
  }

  absl::Status Close() override {
    // Not again after EINTR: Linux has closed it by then.
    if (close(file_.Release()) == 0 || errno == EINTR) return absl::OkStatus();
    return FileError(errno, path_, "cannot be written to");
  }

 private:
  Descriptor file_;
  const std::string path_;
};

class PosixFileSystem final : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<OutputFile>> Create(const std::string& path) override {
    // Not blocking: a pipe that nobody reads is an error.
    constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK;
    const int number = Uninterrupted([&] { return open(path.c_str(), kFlags, 0666); });
    if (number < 0) return FileError(errno, path, "cannot be made");
    return std::make_unique<PosixFile>(number, path);
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (std::rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
    return FileError(errno, from, absl::StrCat("cannot be renamed to ", to));
  }

  absl::Status Remove(const std::string& path) override {
    if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
    return FileError(errno, path, "cannot be removed");
  }

  absl::Status SyncFolder(const std::string& path) override {
    const Descriptor folder(
        Uninterrupted([&] { return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (folder.number() < 0) return FileError(errno, path, "cannot be opened");
    // Some network file systems sync no folders, as they keep names at once.
    if (Uninterrupted([&] { return fsync(folder.number()); }) == 0 || errno == EINVAL) {
      return absl::OkStatus();
    }
    return FileError(errno, path, "cannot be synced to disk");
  }
};

absl::Status WriteWhole(FileSystem& files, const std::string& path,
                        absl::Span<const absl::string_view> parts) {
  std::unique_ptr<OutputFile> file;
  ELDR_ASSIGN_OR_RETURN(file, files.Create(path));
  for (const absl::string_view part : parts) ELDR_RETURN_IF_ERROR(file->Append(part));
  ELDR_RETURN_IF_ERROR(file->Sync());
  return file->Close();
}

}  // namespace

absl::Status FileError(int error_number, absl::string_view path, absl::string_view what) {
  return absl::ErrnoToStatus(error_number, absl::StrCat(path, ": ", what));
}

FileSystem& RealFileSystem() {
  static PosixFileSystem* const files = new PosixFileSystem;
  return *files;
}

absl::Status ReplaceFile(FileSystem& files, const std::string& path,
                         absl::Span<const absl::string_view> parts) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status old = fs::status(path, error);
  if (fs::exists(old) && !fs::is_regular_file(old)) return WriteWhole(files, path, parts);
  const fs::path target = fs::exists(old) ? fs::canonical(path, error) : fs::path(path);
  if (error && fs::exists(old)) return FileError(error.value(), path, "cannot be found");
  // With the process's id, so that two that write at once do not mix their bytes.
  const std::string unfinished = absl::StrCat(target.string(), ".new-", getpid());
  absl::Status written = WriteWhole(files, unfinished, parts);
  if (written.ok() && fs::exists(old)) fs::permissions(unfinished, old.permissions(), error);
  if (written.ok()) written = files.Rename(unfinished, target.string());
  if (!written.ok()) {
    files.Remove(unfinished).IgnoreError();
    return written;
  }
  const std::string folder = target.parent_path().string();
  return files.SyncFolder(folder.empty() ? "." : folder);
}

absl::StatusOr<std::string> ReadContents(const std::string& path, std::size_t most_bytes) {
  // Not blocking: to open a pipe would wait for whoever writes to it.
  const Descriptor file(
      Uninterrupted([&] { return open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC); }));
  if (file.number() < 0) return FileError(errno, path, "cannot be read");
  struct stat status {};
  if (fstat(file.number(), &status) != 0) return FileError(errno, path, "cannot be read");
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is a pipe, device or socket, expected a regular file"));
  }
  std::string contents;
  std::array<char, 1 << 16> part;
  while (true) {
    const ssize_t got =
        Uninterrupted([&] { return read(file.number(), part.data(), part.size()); });
    if (got < 0) return FileError(errno, path, "cannot be read");
    if (got == 0) return contents;
    if (contents.size() + static_cast<std::size_t>(got) > most_bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": has more than ", most_bytes, " bytes"));
    }
    contents.append(part.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace eldr
