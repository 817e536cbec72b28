// The one place where gRPC's status, and the status of a stream's element, become absl's.
#ifndef ELDR_CLIENT_SRC_GRPC_STATUS_H_
#define ELDR_CLIENT_SRC_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "eldr/v1/element_error.pb.h"

namespace eldr::client::internal {

absl::Status FromGrpcStatus(const grpc::Status& status);

// An element error is never OK: code 0 or one that is not canonical becomes UNKNOWN.
absl::Status FromElementError(const v1::ElementError& error);

}  // namespace eldr::client::internal

#endif  // ELDR_CLIENT_SRC_GRPC_STATUS_H_
