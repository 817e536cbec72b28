// The files of a state directory, and how a new state file takes the place of the old one.
//
//   state.db, state.db-wal   the state: a database and its log
//   state.db.new             a new one that is being built; worth nothing yet
//   state.db.next            one that is whole: the state from now on, about to become state.db
//   state.lock               held by the process that has the directory
#ifndef ELDR_SERVER_STATE_STATE_FOLDER_H_
#define ELDR_SERVER_STATE_STATE_FOLDER_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/file_system.h"

namespace eldr {

// SQLite finds a log by its database's name, so no single rename replaces both, and a new database
// beside the old log would be read with it. Hence state.db.next: its name appears in one step, and
// whoever finds it, now or after a crash, removes what is left of the old state and renames it to
// state.db. Errors name the file and say why. Not thread-safe.
class StateFolder {
 public:
  // Claims the directory, and finishes what a former process could not.
  // UNAVAILABLE if another process has it. `files` must outlive the object.
  static absl::StatusOr<std::unique_ptr<StateFolder>> Open(const std::string& directory,
                                                           FileSystem& files);
  ~StateFolder();  // unlocks it
  StateFolder(const StateFolder&) = delete;
  StateFolder& operator=(const StateFolder&) = delete;

  // The state.
  std::string path() const { return directory_ + "/state.db"; }
  // Where a new one is built.
  std::string unfinished() const { return path() + ".new"; }

  // Makes the directory if it is missing, and locks it; again if somebody has removed it since.
  absl::Status Claim();
  // Notes which file is the state now.
  void NoteOpened() { opened_ = FileAt(path()); }
  // Whether that file is still there under its name. One that somebody has removed or replaced can
  // be written to, and a crash takes all of it.
  bool InPlace() const { return FileAt(path()) == opened_; }

  // Drops what was built.
  absl::Status Discard();
  // From now on what was built is the state, after a crash too. It must be whole and on disk. On an
  // error the old state may still be it.
  absl::Status Commit();
  // What becomes of an old state.
  enum class Old { kRemove, kKeepAsDamaged };
  // After Commit(), with both databases closed: gives the new one its name.
  absl::Status Settle(Old old);

 private:
  StateFolder(std::string directory, FileSystem& files)
      : directory_(std::move(directory)), files_(files) {}
  // Device and number of a file; zeros if there is none.
  using FileId = std::pair<dev_t, ino_t>;
  static FileId FileAt(const std::string& path);
  absl::Status Lock();
  std::string next() const { return path() + ".next"; }

  const std::string directory_;
  FileSystem& files_;
  int lock_ = -1;
  FileId opened_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_STATE_STATE_FOLDER_H_
