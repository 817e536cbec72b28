// The client's side of grpc.health.v1.Health/Check.
#ifndef ELDR_CLIENT_SRC_HEALTH_CHECK_H_
#define ELDR_CLIENT_SRC_HEALTH_CHECK_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "eldr/client/client.h"

namespace eldr::client::internal {

class Connection;

// The distribution ships no health.proto, and a copy of our own would clash with anyone's who links
// one: two messages of one field each are encoded and decoded here by hand.
absl::StatusOr<Health> CheckHealth(Connection& connection, absl::string_view service,
                                   const CallOptions& options);

}  // namespace eldr::client::internal

#endif  // ELDR_CLIENT_SRC_HEALTH_CHECK_H_
