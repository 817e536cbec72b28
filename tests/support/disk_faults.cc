#include "tests/support/disk_faults.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace eldr {
namespace {

namespace fs = std::filesystem;

ino_t InodeOf(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

std::string ContentsOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

absl::Status FullDisk(const std::string& path) {
  return FileError(ENOSPC, path, "has met a fault");
}

class FaultyOutputFile final : public OutputFile {
 public:
  FaultyOutputFile(std::unique_ptr<OutputFile> file, std::string path, DiskFaults& faults)
      : file_(std::move(file)), path_(std::move(path)), faults_(faults) {}

  absl::Status Append(absl::string_view bytes) override {
    switch (faults_.Next()) {
      case DiskFaults::Verdict::kGo:
        return file_->Append(bytes);
      case DiskFaults::Verdict::kFail:
        // As a disk that fills up meanwhile.
        file_->Append(bytes.substr(0, bytes.size() / 2)).IgnoreError();
        return FullDisk(path_);
      case DiskFaults::Verdict::kDie:
        file_->Append(bytes.substr(0, bytes.size() / 2)).IgnoreError();
    }
    faults_.Die();
  }
  absl::Status Sync() override {
    if (faults_.Fails()) return FullDisk(path_);
    faults_.Synced(path_);
    return absl::OkStatus();
  }
  absl::Status Close() override {
    if (faults_.Fails()) return FullDisk(path_);
    return file_->Close();
  }

 private:
  const std::unique_ptr<OutputFile> file_;
  const std::string path_;
  DiskFaults& faults_;
};

}  // namespace

void DiskFaults::Arm(Fault fault, int at) {
  fault_ = fault;
  at_ = at;
  steps_ = 0;
}

DiskFaults::Verdict DiskFaults::Next() {
  if (paused_) return Verdict::kGo;
  if (full_) return Verdict::kFail;
  ++steps_;
  if (fault_ == Fault::kNone || steps_ < at_) return Verdict::kGo;
  if (fault_ == Fault::kFailOn) return Verdict::kFail;
  if (steps_ > at_) return Verdict::kGo;
  return fault_ == Fault::kFailOnce ? Verdict::kFail : Verdict::kDie;
}

bool DiskFaults::Fails() {
  const Verdict verdict = Next();
  if (verdict == Verdict::kDie) Die();
  return verdict == Verdict::kFail;
}

void DiskFaults::Die() {
  if (fault_ != Fault::kKill) WriteSurvivors();
  _exit(kExitCode);
}

void DiskFaults::Made(const std::string& path) {
  if (paused_) return;
  // Its inode may be that of a file that is gone.
  std::error_code error;
  if (fs::file_size(path, error) == 0) synced_.erase(InodeOf(path));
}

void DiskFaults::Synced(const std::string& path) {
  if (!paused_) synced_[InodeOf(path)] = ContentsOf(path);
}

void DiskFaults::FolderSynced(const std::string& path) {
  // SQLite spells paths its own way.
  std::error_code error;
  if (!paused_ && fs::equivalent(path, folder_, error)) names_ = Names();
}

std::map<std::string, ino_t> DiskFaults::Names() const {
  std::map<std::string, ino_t> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    names[entry.path().filename().string()] = InodeOf(entry.path().string());
  }
  return names;
}

void DiskFaults::WriteSurvivors() {
  const std::string survivors = Survivors(folder_);
  fs::create_directories(survivors);
  for (const auto& [name, inode] : fault_ == Fault::kPowerCut ? names_ : Names()) {
    const auto contents = synced_.find(inode);
    std::ofstream(survivors + "/" + name, std::ios::binary)
        << (contents == synced_.end() ? "" : contents->second);
  }
}

absl::StatusOr<std::unique_ptr<OutputFile>> FaultyFileSystem::Create(const std::string& path) {
  if (faults_.Fails()) return FullDisk(path);
  absl::StatusOr<std::unique_ptr<OutputFile>> file = RealFileSystem().Create(path);
  if (!file.ok()) return file;
  faults_.Made(path);
  return std::make_unique<FaultyOutputFile>(*std::move(file), path, faults_);
}

absl::Status FaultyFileSystem::Rename(const std::string& from, const std::string& to) {
  return faults_.Fails() ? FullDisk(from) : RealFileSystem().Rename(from, to);
}

absl::Status FaultyFileSystem::Remove(const std::string& path) {
  return faults_.Fails() ? FullDisk(path) : RealFileSystem().Remove(path);
}

absl::Status FaultyFileSystem::SyncFolder(const std::string& path) {
  if (faults_.Fails()) return FullDisk(path);
  faults_.FolderSynced(path);
  return absl::OkStatus();
}

int RunInChild(const std::function<void()>& life) {
  const pid_t child = fork();
  if (child == 0) {
    life();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace eldr
