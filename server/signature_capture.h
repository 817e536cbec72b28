// Records received signatures on disk, so that a profile can be fitted to own traffic (eldr-fit).
#ifndef ELDR_SERVER_SIGNATURE_CAPTURE_H_
#define ELDR_SERVER_SIGNATURE_CAPTURE_H_

#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "eldr/v1/capture.pb.h"
#include "server/config.h"
#include "server/log.h"

namespace eldr {

// Writes the records of proto/eldr/v1/capture.proto. A call only queues, within a bound: what does
// not fit, or can not be written, is dropped and counted, and nothing else suffers. Flush() writes.
// Thread-safe.
class SignatureCapture {
 public:
  struct Counts {
    std::uint64_t written = 0;
    std::uint64_t dropped = 0;
    std::uint64_t bytes = 0;  // of all capture files now
  };

  // Makes the directory and continues after the files that are there. INVALID_ARGUMENT, naming
  // capture.directory, if it cannot be written to. References must outlive the object.
  static absl::StatusOr<std::unique_ptr<SignatureCapture>> Open(const CaptureConfig& config,
                                                                const Clock& clock, Log& log);
  // Writes what is queued.
  ~SignatureCapture();

  // Only what belongs to the share of requests that is recorded is kept; all of a request, or
  // nothing.
  void OnSignature(absl::string_view model, absl::string_view request_id, bool append,
                   const v1::ExpertSignature& signature);
  void OnDecodeCounts(absl::string_view model, absl::string_view request_id,
                      const v1::ExpertSignature& decode_counts);

  // Appends what is queued to the newest file, starts another when that is full, and deletes the
  // oldest ones beyond max_bytes. For one thread, not in a hurry.
  void Flush();

  Counts counts() const;

  static constexpr char kMagic[] = "ELDRCAP1";

 private:
  struct File {
    std::filesystem::path path;
    std::uint64_t bytes = 0;
  };

  SignatureCapture(const CaptureConfig& config, const Clock& clock, Log& log);
  absl::Status Adopt();
  // 0 if the request is not recorded.
  std::uint64_t RequestOf(absl::string_view model, absl::string_view request_id) const;
  // Adds the time.
  void Queue(v1::CaptureRecord& record);
  absl::Status Append(const std::string& records);
  absl::Status StartFile();
  void DeleteOldest();

  const CaptureConfig config_;
  const Clock& clock_;
  Log& log_;

  mutable Mutex mutex_;
  std::string queue_ ABSL_GUARDED_BY(mutex_);  // records in the form of the file
  std::uint64_t queued_ ABSL_GUARDED_BY(mutex_) = 0;
  Counts counts_ ABSL_GUARDED_BY(mutex_);

  Mutex file_mutex_;  // held while writing; never together with a wait for it by a call
  std::deque<File> files_ ABSL_GUARDED_BY(file_mutex_);  // oldest first; the last one is written to
  std::ofstream out_ ABSL_GUARDED_BY(file_mutex_);
  std::uint64_t next_number_ ABSL_GUARDED_BY(file_mutex_) = 1;
  bool failing_ ABSL_GUARDED_BY(file_mutex_) = false;
};

}  // namespace eldr

#endif  // ELDR_SERVER_SIGNATURE_CAPTURE_H_
