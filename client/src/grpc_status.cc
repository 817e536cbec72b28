#include "client/src/grpc_status.h"

namespace eldr::client::internal {
namespace {

// gRPC and absl number the canonical codes alike.
absl::StatusCode CanonicalOrUnknown(int code) {
  return code >= 1 && code <= 16 ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown;
}

}  // namespace

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(CanonicalOrUnknown(static_cast<int>(status.error_code())),
                      status.error_message());
}

absl::Status FromElementError(const v1::ElementError& error) {
  return absl::Status(CanonicalOrUnknown(error.code()), error.message());
}

}  // namespace eldr::client::internal
