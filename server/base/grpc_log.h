// gRPC's own lines, in the daemon's log.
#ifndef ELDR_SERVER_BASE_GRPC_LOG_H_
#define ELDR_SERVER_BASE_GRPC_LOG_H_

#include <cstdint>

#include "server/base/log.h"

namespace eldr {

// gRPC has one log for the whole process and writes it to standard error by itself, a line for each
// failed handshake, and waits if nobody reads. While this lives its lines are events `grpc` of the
// log, with where in gRPC's source they come from; what gRPC calls an error is a warning, since any
// stranger can cause one. Each such place writes a few lines a second at most. Later lines are
// dropped.
//
// One at a time.
class GrpcLog {
 public:
  static constexpr std::uint64_t kLinesPerSecond = 10;

  // `log` must outlive this.
  explicit GrpcLog(Log& log);
  ~GrpcLog();
  GrpcLog(const GrpcLog&) = delete;
  GrpcLog& operator=(const GrpcLog&) = delete;
};

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_GRPC_LOG_H_
