// Faults of a disk, at a step of the writer's that a test chooses: it fails, or the process or the
// power ends before it.
#ifndef ELDR_TESTS_SUPPORT_DISK_FAULTS_H_
#define ELDR_TESTS_SUPPORT_DISK_FAULTS_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/base/file_system.h"

namespace eldr {

// Counts the steps that change one folder: files made, written to, cut, synced, renamed and
// removed, and the folder synced. FaultyFileSystem takes the steps of a FileSystem through it,
// FaultySqlite (tests/server/state/faulty_sqlite.h) those of SQLite. Nothing is synced in truth, as
// no test cuts the power; what would have survived that is remembered instead. Not thread-safe.
class DiskFaults {
 public:
  enum class Fault : std::uint8_t {
    kNone,
    kFailOnce,
    kFailOn,  // that step and all that follow
    kKill,    // the process ends; what it wrote to files is there
    // The power ends: what was not synced is gone, names that were not synced too...
    kPowerCut,
    kPowerCutKeepsNames,  // ...or these are there, as some file systems write them at once
  };
  // How a process ends that is killed here.
  static constexpr int kExitCode = 99;

  explicit DiskFaults(std::string folder) : folder_(std::move(folder)) {}

  // The step counted `at`, from 1, is to meet the fault.
  void Arm(Fault fault, int at);
  // From now on every step fails, and is not counted; or no more. Any thread may call it.
  void set_full(bool full) { full_ = full; }
  // Steps are neither counted nor met by a fault, as they are those of another process.
  void set_paused(bool paused) { paused_ = paused; }
  int steps() const { return steps_; }
  // After a power cut, the folder is as it would be found: call it in the process that lives on.
  static std::string Survivors(const std::string& folder) { return folder + "-after-the-cut"; }

  enum class Verdict : std::uint8_t { kGo, kFail, kDie };
  // Of a step that is about to be made. At kDie what is written may be written in part; Die() is to
  // follow.
  Verdict Next();
  [[noreturn]] void Die();
  // Like Next(), for a step that is not made in part.
  bool Fails();

  // What a step has done.
  void Made(const std::string& path);
  void Synced(const std::string& path);
  void FolderSynced(const std::string& path);

 private:
  // By name the inodes in the folder.
  std::map<std::string, ino_t> Names() const;
  void WriteSurvivors();

  const std::string folder_;
  Fault fault_ = Fault::kNone;
  int at_ = 0;
  int steps_ = 0;
  std::atomic<bool> full_{false};
  bool paused_ = false;
  std::map<ino_t, std::string> synced_;  // contents
  std::map<std::string, ino_t> names_;   // as of the last sync of the folder
};

// A full disk wherever a step fails.
class FaultyFileSystem final : public FileSystem {
 public:
  // `faults` must outlive it.
  explicit FaultyFileSystem(DiskFaults& faults) : faults_(faults) {}
  absl::StatusOr<std::unique_ptr<OutputFile>> Create(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status SyncFolder(const std::string& path) override;

 private:
  DiskFaults& faults_;
};

// Runs `life` in a process of its own and answers its exit code: DiskFaults::kExitCode if a fault
// ended it, 0 if it returned.
int RunInChild(const std::function<void()>& life);

}  // namespace eldr

#endif  // ELDR_TESTS_SUPPORT_DISK_FAULTS_H_
