#include "server/status_to_grpc.h"

#include <cstddef>
#include <string>

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

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

void ToProto(const absl::Status& status, v1::ElementError* error) {
  error->set_code(static_cast<int>(status.code()));
  error->set_message(std::string(status.message()));
}

absl::Status ShuttingDown() {
  return absl::UnavailableError("eldrd is shutting down; retry with backoff");
}

absl::string_view OutcomeName(absl::StatusCode code) {
  const auto index = static_cast<std::size_t>(code);
  return index < std::size(kOutcomes) ? kOutcomes[index] : "unknown";
}

}  // namespace eldr
