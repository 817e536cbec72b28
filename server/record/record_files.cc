#include "server/record/record_files.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "core/base/status_macros.h"
#include "server/record/record_stream.h"

namespace eldr {
namespace {

namespace fs = std::filesystem;

// Records wait here for the disk; about 1,300 dense signatures of 48 x 128 at two bytes a count.
constexpr std::size_t kQueueBytes = std::size_t{16} << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<RecordFiles>> RecordFiles::Open(Options options, Log& log) {
  std::unique_ptr<RecordFiles> files(new RecordFiles(std::move(options), log));
  const absl::Status status = files->AdoptFiles();
  if (status.ok()) return files;
  return absl::InvalidArgumentError(
      absl::StrCat(files->options_.key, ": got \"", files->options_.directory, "\" (",
                   status.message(), "), expected a directory to write to"));
}

RecordFiles::~RecordFiles() { Flush(); }

std::uint64_t RecordFiles::NumberOf(const std::string& name) const {
  absl::string_view text = name;
  std::uint64_t number = 0;
  if (!absl::ConsumePrefix(&text, options_.prefix)) return 0;
  if (!absl::ConsumeSuffix(&text, options_.suffix)) return 0;
  return absl::SimpleAtoi(text, &number) ? number : 0;
}

absl::Status RecordFiles::AdoptFiles() {
  MutexLock lock(file_mutex_);
  std::error_code error;
  fs::create_directories(options_.directory, error);
  std::vector<std::pair<std::uint64_t, File>> found;
  for (fs::directory_iterator it(options_.directory, error), end; !error && it != end;
       it.increment(error)) {
    const std::uint64_t number = NumberOf(it->path().filename().string());
    if (number > 0) found.push_back({number, {it->path(), it->file_size(error)}});
  }
  if (error) return absl::UnavailableError(error.message());
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& [number, file] : found) {
    files_.push_back(std::move(file));
    next_number_ = number + 1;
  }
  // A new file, since the end of the last one may be torn.
  return StartFile();
}

void RecordFiles::Append(const google::protobuf::MessageLite& record) {
  // Without the lock, which every call shares.
  std::string bytes;
  AppendRecord(record, bytes);
  MutexLock lock(mutex_);
  if (queue_.size() + bytes.size() > kQueueBytes) {
    ++counts_.dropped;
    return;
  }
  queue_ += bytes;
  ++queued_;
}

void RecordFiles::Flush() {
  std::string records;
  std::uint64_t queued = 0;
  {
    MutexLock lock(mutex_);
    records.swap(queue_);
    queued = std::exchange(queued_, 0);
  }
  if (records.empty()) return;
  MutexLock lock(file_mutex_);
  const absl::Status status = Write(records);
  if (!status.ok() && !failing_) {
    log_.Warning("recording_failing",
                 {{"directory", options_.directory}, {"message", status.message()}});
  } else if (status.ok() && failing_) {
    log_.Info("recording_recovered", {{"directory", options_.directory}});
  }
  failing_ = !status.ok();
  DeleteOldest();
  std::uint64_t bytes = 0;
  for (const File& file : files_) bytes += file.bytes;
  MutexLock counts_lock(mutex_);
  (status.ok() ? counts_.written : counts_.dropped) += queued;
  counts_.bytes = bytes;
}

absl::Status RecordFiles::Write(const std::string& records) {
  const bool full = !files_.empty() && files_.back().bytes >= options_.file_bytes;
  if (full || !out_.is_open()) ELDR_RETURN_IF_ERROR(StartFile());
  out_.write(records.data(), static_cast<std::streamsize>(records.size())).flush();
  if (!out_) {
    // What was written of the records is a torn end; the next ones go to a new file.
    out_.close();
    std::error_code error;
    files_.back().bytes = fs::file_size(files_.back().path, error);
    return absl::UnavailableError(
        absl::StrCat(files_.back().path.string(), " cannot be written to"));
  }
  files_.back().bytes += records.size();
  return absl::OkStatus();
}

absl::Status RecordFiles::StartFile() {
  const fs::path path = fs::path(options_.directory) /
                        absl::StrFormat("%s%08d%s", options_.prefix, next_number_, options_.suffix);
  const std::string head =
      absl::StrCat(options_.magic, options_.head ? options_.head() : std::string());
  out_ = std::ofstream(path, std::ios::binary | std::ios::trunc);
  out_.write(head.data(), static_cast<std::streamsize>(head.size())).flush();
  if (!out_) {
    out_.close();
    return absl::UnavailableError(absl::StrCat(path.string(), " cannot be written to"));
  }
  ++next_number_;
  files_.push_back({path, head.size()});
  return absl::OkStatus();
}

void RecordFiles::DeleteOldest() {
  std::uint64_t bytes = 0;
  for (const File& file : files_) bytes += file.bytes;
  while (bytes > options_.max_bytes && files_.size() > 1) {
    std::error_code error;
    fs::remove(files_.front().path, error);
    bytes -= files_.front().bytes;
    files_.pop_front();
  }
}

RecordFiles::Counts RecordFiles::counts() const {
  MutexLock lock(mutex_);
  return counts_;
}

}  // namespace eldr
