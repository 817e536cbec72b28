#include "server/signature_capture.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/delimited_message_util.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "core/base/stable_hash.h"
#include "core/base/status_macros.h"
#include "server/proto_convert.h"

namespace eldr {
namespace {

namespace fs = std::filesystem;

// Records wait here for the disk; at 12 KiB a signature about 1,300 requests.
constexpr std::size_t kQueueBytes = std::size_t{16} << 20;
constexpr char kPrefix[] = "signatures-";
constexpr char kSuffix[] = ".eldrcap";

// 0 if it is not the name of a capture file.
std::uint64_t NumberOf(const std::string& name) {
  absl::string_view text = name;
  std::uint64_t number = 0;
  if (!absl::ConsumePrefix(&text, kPrefix) || !absl::ConsumeSuffix(&text, kSuffix)) return 0;
  return absl::SimpleAtoi(text, &number) ? number : 0;
}

}  // namespace

SignatureCapture::SignatureCapture(const CaptureConfig& config, const Clock& clock, Log& log)
    : config_(config), clock_(clock), log_(log) {}

absl::StatusOr<std::unique_ptr<SignatureCapture>> SignatureCapture::Open(
    const CaptureConfig& config, const Clock& clock, Log& log) {
  std::unique_ptr<SignatureCapture> capture(new SignatureCapture(config, clock, log));
  absl::Status status = capture->Adopt();
  if (!status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("capture.directory: got \"", config.directory,
                                                   "\" (", status.message(),
                                                   "), expected a directory to write to"));
  }
  return capture;
}

SignatureCapture::~SignatureCapture() { Flush(); }

absl::Status SignatureCapture::Adopt() {
  MutexLock lock(file_mutex_);
  std::error_code error;
  fs::create_directories(config_.directory, error);
  std::vector<std::pair<std::uint64_t, File>> found;
  for (fs::directory_iterator it(config_.directory, error), end; !error && it != end;
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

std::uint64_t SignatureCapture::RequestOf(absl::string_view model,
                                          absl::string_view request_id) const {
  const std::uint64_t request = Mix64(StableHash(request_id, StableHash(model)));
  // The upper bits as a number in [0, 1).
  const double draw = static_cast<double>(request >> 11) * 0x1p-53;
  return draw < config_.share ? std::max<std::uint64_t>(request, 1) : 0;
}

void SignatureCapture::OnSignature(absl::string_view model, absl::string_view request_id,
                                   bool append, const v1::ExpertSignature& signature) {
  v1::CaptureRecord record;
  record.set_request(RequestOf(model, request_id));
  if (record.request() == 0) return;
  record.set_model(std::string(model));
  record.set_append(append);
  *record.mutable_signature() = signature;
  Queue(record);
}

void SignatureCapture::OnDecodeCounts(absl::string_view model, absl::string_view request_id,
                                      const v1::ExpertSignature& decode_counts) {
  v1::CaptureRecord record;
  record.set_request(RequestOf(model, request_id));
  if (record.request() == 0) return;
  record.set_model(std::string(model));
  *record.mutable_decode_counts() = decode_counts;
  Queue(record);
}

void SignatureCapture::Queue(v1::CaptureRecord& record) {
  ToProto(clock_.Wall(), record.mutable_receive_time());
  MutexLock lock(mutex_);
  if (queue_.size() + record.ByteSizeLong() > kQueueBytes) {
    ++counts_.dropped;
    return;
  }
  google::protobuf::io::StringOutputStream stream(&queue_);
  google::protobuf::util::SerializeDelimitedToZeroCopyStream(record, &stream);
  ++queued_;
}

void SignatureCapture::Flush() {
  std::string records;
  std::uint64_t queued = 0;
  {
    MutexLock lock(mutex_);
    records.swap(queue_);
    queued = std::exchange(queued_, 0);
  }
  if (records.empty()) return;
  MutexLock lock(file_mutex_);
  const absl::Status status = Append(records);
  if (!status.ok() && !failing_) {
    log_.Warning("capture_failing",
                 {{"directory", config_.directory}, {"message", status.message()}});
  } else if (status.ok() && failing_) {
    log_.Info("capture_recovered", {{"directory", config_.directory}});
  }
  failing_ = !status.ok();
  DeleteOldest();
  std::uint64_t bytes = 0;
  for (const File& file : files_) bytes += file.bytes;
  MutexLock counts_lock(mutex_);
  (status.ok() ? counts_.written : counts_.dropped) += queued;
  counts_.bytes = bytes;
}

absl::Status SignatureCapture::Append(const std::string& records) {
  const bool full = !files_.empty() && files_.back().bytes >= config_.file_bytes;
  if (full || !out_.is_open()) ELDR_RETURN_IF_ERROR(StartFile());
  out_.write(records.data(), static_cast<std::streamsize>(records.size()));
  out_.flush();
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

absl::Status SignatureCapture::StartFile() {
  const fs::path path =
      fs::path(config_.directory) / absl::StrFormat("%s%08d%s", kPrefix, next_number_, kSuffix);
  out_ = std::ofstream(path, std::ios::binary | std::ios::trunc);
  out_.write(kMagic, sizeof(kMagic) - 1).flush();
  if (!out_) {
    out_.close();
    return absl::UnavailableError(absl::StrCat(path.string(), " cannot be written to"));
  }
  ++next_number_;
  files_.push_back({path, sizeof(kMagic) - 1});
  return absl::OkStatus();
}

void SignatureCapture::DeleteOldest() {
  std::uint64_t bytes = 0;
  for (const File& file : files_) bytes += file.bytes;
  while (bytes > config_.max_bytes && files_.size() > 1) {
    std::error_code error;
    fs::remove(files_.front().path, error);
    bytes -= files_.front().bytes;
    files_.pop_front();
  }
}

SignatureCapture::Counts SignatureCapture::counts() const {
  MutexLock lock(mutex_);
  return counts_;
}

}  // namespace eldr
