// How a stream is admitted; UnaryCall does it for unary calls.
#ifndef ELDR_SERVER_RPC_STREAM_ADMISSION_H_
#define ELDR_SERVER_RPC_STREAM_ADMISSION_H_

#include <grpcpp/server_context.h>

#include <string>

#include "absl/status/status.h"
#include "server/rpc/call_limits.h"
#include "server/rpc/service_context.h"

namespace eldr {

// What an open stream holds. Belongs to the stream, which counts itself among the calls in flight.
class StreamAdmission {
 public:
  // Looks at authorization and limits, once. On an error, which is counted and audited, the stream
  // must end with it and do nothing.
  absl::Status Admit(ServiceContext& context, Call call, const grpc::ServerContextBase& rpc);
  // Gives back what was taken; before the stream ceases to count as in flight, for the limits may
  // go after that.
  void Release() { hold_ = CallLimits::Hold(); }

  // The client's address, as limits per client count it.
  const std::string& peer() const { return peer_; }

 private:
  std::string peer_;
  CallLimits::Hold hold_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_RPC_STREAM_ADMISSION_H_
