// Durations between absl and protobuf.
#ifndef ELDR_CLIENT_SRC_PROTO_DURATION_H_
#define ELDR_CLIENT_SRC_PROTO_DURATION_H_

#include <google/protobuf/duration.pb.h>

#include "absl/time/time.h"

namespace eldr::client::internal {

inline absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

// REQUIRES: `duration` is finite. Below a nanosecond it is cut off.
inline google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration proto;
  proto.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  return proto;
}

}  // namespace eldr::client::internal

#endif  // ELDR_CLIENT_SRC_PROTO_DURATION_H_
