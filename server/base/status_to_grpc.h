// The one place where absl::Status becomes what goes over the wire.
#ifndef ELDR_SERVER_BASE_STATUS_TO_GRPC_H_
#define ELDR_SERVER_BASE_STATUS_TO_GRPC_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "eldr/v1/element_error.pb.h"

namespace eldr {

grpc::Status ToGrpcStatus(const absl::Status& status);

// REQUIRES: not OK; an element without an error has none.
void ToProto(const absl::Status& status, v1::ElementError* error);

// What every call and stream is answered once the daemon shuts down.
absl::Status ShuttingDown();

// The code in lower case with underscores, as metric labels and log lines have it: "ok",
// "invalid_argument".
absl::string_view OutcomeName(absl::StatusCode code);

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_STATUS_TO_GRPC_H_
