#include "server/record/signature_capture.h"

#include <algorithm>
#include <string>

#include "core/base/stable_hash.h"
#include "core/base/status_macros.h"
#include "server/convert/proto_convert.h"

namespace eldr {

absl::StatusOr<std::unique_ptr<SignatureCapture>> SignatureCapture::Open(
    const CaptureConfig& config, const Clock& clock, Log& log, FileSystem& file_system) {
  std::unique_ptr<RecordFiles> files;
  ELDR_ASSIGN_OR_RETURN(files, RecordFiles::Open({.key = "capture.directory",
                                                  .directory = config.directory,
                                                  .prefix = "signatures-",
                                                  .suffix = ".eldrcap",
                                                  .magic = kMagic,
                                                  .file_bytes = config.file_bytes,
                                                  .max_bytes = config.max_bytes,
                                                  .head = nullptr},
                                                 log, file_system));
  return std::unique_ptr<SignatureCapture>(
      new SignatureCapture(config.share, clock, std::move(files)));
}

std::uint64_t SignatureCapture::RequestOf(absl::string_view model,
                                          absl::string_view request_id) const {
  const std::uint64_t request = Mix64(StableHash(request_id, StableHash(model)));
  return ToUnitInterval(request) < share_ ? std::max<std::uint64_t>(request, 1) : 0;
}

void SignatureCapture::OnSignature(absl::string_view model, absl::string_view request_id,
                                   bool append, const v1::ExpertSignature& signature) {
  storage::v1::CaptureRecord record;
  record.set_request(RequestOf(model, request_id));
  if (record.request() == 0) return;
  record.set_model(std::string(model));
  record.set_append(append);
  ToProto(clock_.Wall(), record.mutable_receive_time());
  *record.mutable_signature() = signature;
  files_->Append(record);
}

void SignatureCapture::OnDecodeCounts(absl::string_view model, absl::string_view request_id,
                                      const v1::ExpertSignature& decode_counts) {
  storage::v1::CaptureRecord record;
  record.set_request(RequestOf(model, request_id));
  if (record.request() == 0) return;
  record.set_model(std::string(model));
  ToProto(clock_.Wall(), record.mutable_receive_time());
  *record.mutable_decode_counts() = decode_counts;
  files_->Append(record);
}

}  // namespace eldr
