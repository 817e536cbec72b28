#include "server/record/record_files.h"

#include <algorithm>
#include <filesystem>
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

RecordFiles::RecordFiles(Options options, Log& log, FileSystem& files)
    : options_(std::move(options)), log_(log), file_system_(files), queue_(kQueueBytes) {}

absl::StatusOr<std::unique_ptr<RecordFiles>> RecordFiles::Open(Options options, Log& log,
                                                               FileSystem& file_system) {
  std::unique_ptr<RecordFiles> files(new RecordFiles(std::move(options), log, file_system));
  const absl::Status status = files->AdoptFiles();
  if (status.ok()) return files;
  return absl::InvalidArgumentError(
      absl::StrCat(files->options_.key, ": got \"", files->options_.directory, "\" (",
                   status.message(), "), expected a directory to write to"));
}

RecordFiles::~RecordFiles() { WriteBatch(queue_.TakeRest()); }

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
  if (error == std::errc::no_space_on_device) {
    TellWritten(FileError(error.value(), options_.directory, "cannot be made"));
    return absl::OkStatus();
  }
  std::vector<std::pair<std::uint64_t, File>> found;
  for (fs::directory_iterator it(options_.directory, error), end; !error && it != end;
       it.increment(error)) {
    const std::uint64_t number = NumberOf(it->path().filename().string());
    if (number > 0) found.push_back({number, {it->path().string(), it->file_size(error)}});
  }
  if (error) return FileError(error.value(), options_.directory, "cannot be used");
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& [number, file] : found) {
    files_.push_back(std::move(file));
    next_number_ = number + 1;
  }
  // A new file, since the end of the last one may be torn.
  absl::Status started = StartFile();
  if (!absl::IsResourceExhausted(started)) return started;
  TellWritten(started);  // serving goes before recording
  return absl::OkStatus();
}

void RecordFiles::Append(const google::protobuf::MessageLite& record) {
  std::string bytes;
  AppendRecord(record, bytes);
  queue_.Append(std::move(bytes));
}

void RecordFiles::Fill(RecordQueue::Place place, const google::protobuf::MessageLite& record) {
  std::string bytes;
  AppendRecord(record, bytes);
  queue_.Fill(place, std::move(bytes));
}

void RecordFiles::Flush() { WriteBatch(queue_.Take()); }

void RecordFiles::WriteBatch(const RecordQueue::Batch& batch) {
  if (batch.records == 0) return;
  MutexLock lock(file_mutex_);
  const absl::Status written = Write(batch.bytes);
  absl::Status status = DeleteOldest();
  status.Update(written);
  TellWritten(status);
  const std::uint64_t bytes = Bytes();
  MutexLock counts_lock(counts_mutex_);
  (written.ok() ? counts_.written : counts_.dropped) += batch.records;
  counts_.bytes = bytes;
}

void RecordFiles::TellWritten(const absl::Status& status) {
  if (!status.ok() && !failing_) {
    log_.Warning("recording_failing",
                 {{"directory", options_.directory}, {"message", status.message()}});
  } else if (status.ok() && failing_) {
    log_.Info("recording_recovered", {{"directory", options_.directory}});
  }
  failing_ = !status.ok();
}

absl::Status RecordFiles::Write(const std::string& records) {
  std::error_code error;
  if (out_ != nullptr && !fs::exists(files_.back().path, error)) {
    // Somebody has removed it, and what is written to it would be gone with it.
    out_.reset();
    files_.pop_back();
  }
  const bool full = !files_.empty() && files_.back().bytes >= options_.file_bytes;
  if (full || out_ == nullptr) ELDR_RETURN_IF_ERROR(StartFile());
  absl::Status status = out_->Append(records);
  if (status.ok()) {
    files_.back().bytes += records.size();
    return status;
  }
  // What was written of the records is a torn end; the next ones go to a new file.
  out_.reset();
  const std::uint64_t bytes = fs::file_size(files_.back().path, error);
  if (!error) files_.back().bytes = bytes;
  return status;
}

absl::Status RecordFiles::StartFile() {
  const std::string path =
      (fs::path(options_.directory) /
       absl::StrFormat("%s%08d%s", options_.prefix, next_number_, options_.suffix))
          .string();
  const std::string head =
      absl::StrCat(options_.magic, options_.head ? options_.head() : std::string());
  // It gets its name with its whole head: what has less is no file of records to any tool.
  const std::string unfinished = path + ".new";
  out_.reset();
  std::error_code ignored;  // the file cannot be made then
  fs::create_directories(options_.directory, ignored);
  std::unique_ptr<OutputFile> file;
  ELDR_ASSIGN_OR_RETURN(file, file_system_.Create(unfinished));
  absl::Status status = file->Append(head);
  if (status.ok()) status = file_system_.Rename(unfinished, path);
  if (!status.ok()) {
    file_system_.Remove(unfinished).IgnoreError();
    return status;
  }
  out_ = std::move(file);
  ++next_number_;
  files_.push_back({path, head.size()});
  return absl::OkStatus();
}

absl::Status RecordFiles::DeleteOldest() {
  while (Bytes() > options_.max_bytes && files_.size() > 1) {
    // One that stays counts on, so that the bound holds as soon as it can be removed.
    ELDR_RETURN_IF_ERROR(file_system_.Remove(files_.front().path));
    files_.pop_front();
  }
  return absl::OkStatus();
}

std::uint64_t RecordFiles::Bytes() const {
  std::uint64_t bytes = 0;
  for (const File& file : files_) bytes += file.bytes;
  return bytes;
}

RecordFiles::Counts RecordFiles::counts() const {
  const std::uint64_t dropped = queue_.dropped();
  MutexLock lock(counts_mutex_);
  Counts counts = counts_;
  counts.dropped += dropped;
  return counts;
}

}  // namespace eldr
