#include "server/base/status_to_grpc.h"

#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"

namespace eldr {
namespace {

// By code; absl and gRPC share the numbers.
constexpr absl::string_view kOutcomes[] = {
    "ok",
    "cancelled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
};

// Messages repeat what the caller sent, and it may have sent megabytes: more than a few KiB of
// trailers would break the call.
constexpr std::size_t kMaxMessageBytes = 1024;

std::string MessageOf(const absl::Status& status) {
  const absl::string_view whole = status.message();
  if (whole.size() <= kMaxMessageBytes) return std::string(whole);
  std::size_t end = kMaxMessageBytes;
  while (end > 0 && (static_cast<unsigned char>(whole[end]) & 0xC0) == 0x80) --end;  // whole UTF-8
  return absl::StrCat(whole.substr(0, end), "...");
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), MessageOf(status));
}

void ToProto(const absl::Status& status, v1::ElementError* error) {
  error->set_code(static_cast<int>(status.code()));
  error->set_message(MessageOf(status));
}

absl::Status ShuttingDown() {
  return absl::UnavailableError("eldrd is shutting down; retry with backoff");
}

absl::string_view OutcomeName(absl::StatusCode code) {
  const auto index = static_cast<std::size_t>(code);
  return index < std::size(kOutcomes) ? kOutcomes[index] : "unknown";
}

}  // namespace eldr
