#include "server/state/state_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr {
namespace {

// What SQLite may keep beside a database.
constexpr const char* kBeside[] = {"-wal", "-journal"};

}  // namespace

absl::StatusOr<std::unique_ptr<StateFolder>> StateFolder::Open(const std::string& directory,
                                                               FileSystem& files) {
  std::unique_ptr<StateFolder> folder(new StateFolder(directory, files));
  ELDR_RETURN_IF_ERROR(folder->Claim());
  ELDR_RETURN_IF_ERROR(folder->Discard());
  std::error_code error;
  if (std::filesystem::exists(folder->next(), error)) {
    ELDR_RETURN_IF_ERROR(folder->Settle(Old::kRemove));
  }
  return folder;
}

StateFolder::~StateFolder() {
  if (lock_ >= 0) close(lock_);
}

absl::Status StateFolder::Claim() {
  std::error_code error;
  const bool made = std::filesystem::create_directories(directory_, error);
  if (error) return FileError(error.value(), directory_, "cannot be made");
  if (made) {
    const std::string parent = std::filesystem::path(directory_).parent_path().string();
    ELDR_RETURN_IF_ERROR(files_.SyncFolder(parent.empty() ? "." : parent));
  }
  return Lock();
}

StateFolder::FileId StateFolder::FileAt(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? FileId(status.st_dev, status.st_ino) : FileId();
}

absl::Status StateFolder::Lock() {
  const std::string path = directory_ + "/state.lock";
  if (lock_ >= 0) {
    struct stat status {};
    const bool known = fstat(lock_, &status) == 0;
    if (known && FileAt(path) == FileId(status.st_dev, status.st_ino)) return absl::OkStatus();
    close(lock_);
  }
  lock_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock_ < 0) return FileError(errno, path, "cannot be opened");
  if (flock(lock_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  if (errno != EWOULDBLOCK) return FileError(errno, path, "cannot be locked");
  return absl::UnavailableError(
      absl::StrCat(directory_, ": another process has it open, expected one eldrd per state_dir"));
}

absl::Status StateFolder::Discard() {
  for (const char* const suffix : kBeside) {
    ELDR_RETURN_IF_ERROR(files_.Remove(unfinished() + suffix));
  }
  return files_.Remove(unfinished());
}

absl::Status StateFolder::Commit() {
  ELDR_RETURN_IF_ERROR(files_.Rename(unfinished(), next()));
  return files_.SyncFolder(directory_);
}

absl::Status StateFolder::Settle(Old old) {
  if (old == Old::kKeepAsDamaged) {
    // If it cannot be kept it goes: what is in it that is sound is in the new one.
    files_.Rename(path(), path() + ".damaged").IgnoreError();
    files_.Rename(path() + "-wal", path() + ".damaged-wal").IgnoreError();
  }
  for (const char* const suffix : kBeside) ELDR_RETURN_IF_ERROR(files_.Remove(path() + suffix));
  // The old log must not be there again after a power failure, beside the new database.
  ELDR_RETURN_IF_ERROR(files_.SyncFolder(directory_));
  ELDR_RETURN_IF_ERROR(files_.Rename(next(), path()));
  return files_.SyncFolder(directory_);
}

}  // namespace eldr
