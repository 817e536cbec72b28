// Records received signatures on disk, so that a profile can be fitted to own traffic (eldr-fit).
#ifndef ELDR_SERVER_RECORD_SIGNATURE_CAPTURE_H_
#define ELDR_SERVER_RECORD_SIGNATURE_CAPTURE_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/base/clock.h"
#include "eldr/storage/v1/capture.pb.h"
#include "server/base/log.h"
#include "server/config/config.h"
#include "server/record/record_files.h"

namespace eldr {

// Writes the records of proto/eldr/storage/v1/capture.proto. Only what belongs to the share of
// requests that is recorded is kept; all of a request, or nothing. Thread-safe.
class SignatureCapture {
 public:
  // INVALID_ARGUMENT, naming capture.directory, if it cannot be written to. References must outlive
  // the object.
  static absl::StatusOr<std::unique_ptr<SignatureCapture>> Open(
      const CaptureConfig& config, const Clock& clock, Log& log,
      FileSystem& file_system = RealFileSystem());

  void OnSignature(absl::string_view model, absl::string_view request_id, bool append,
                   const v1::ExpertSignature& signature);
  void OnDecodeCounts(absl::string_view model, absl::string_view request_id,
                      const v1::ExpertSignature& decode_counts);

  void Flush() { files_->Flush(); }
  RecordFiles::Counts counts() const { return files_->counts(); }

  static constexpr char kMagic[] = "ELDRCAP1";

 private:
  SignatureCapture(double share, const Clock& clock, std::unique_ptr<RecordFiles> files)
      : share_(share), clock_(clock), files_(std::move(files)) {}
  // 0 if the request is not recorded.
  std::uint64_t RequestOf(absl::string_view model, absl::string_view request_id) const;

  const double share_;
  const Clock& clock_;
  const std::unique_ptr<RecordFiles> files_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_RECORD_SIGNATURE_CAPTURE_H_
