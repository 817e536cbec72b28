// How a unary call is admitted and answered.
#ifndef ELDR_SERVER_RPC_UNARY_CALL_H_
#define ELDR_SERVER_RPC_UNARY_CALL_H_

#include <google/protobuf/message.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/auth/authorizer.h"
#include "server/rpc/call_limits.h"
#include "server/rpc/received.h"
#include "server/rpc/service_context.h"

namespace eldr {

// DEADLINE_EXCEEDED if nobody waits for the answer any more.
absl::Status CheckDeadline(gpr_timespec deadline);

// The same, or CANCELLED if the client has gone away. For work that had to wait: what it reserves
// would be released by nobody.
absl::Status CheckWanted(const grpc::CallbackServerContext& rpc);

// From its admission to its answer. Every call goes through here, and every stream through
// StreamAdmission: the two places where authorization and limits are looked at.
class UnaryCall {
 public:
  // `rpc` and `context` must outlive this.
  UnaryCall(ServiceContext& context, Call call, const grpc::ServerContextBase& rpc);
  UnaryCall(const UnaryCall&) = delete;
  UnaryCall& operator=(const UnaryCall&) = delete;

  // OK if the call may do its work.
  const absl::Status& admitted() const { return admitted_; }

  // Counts, audits and finishes the call; once. `target` is what an administrative call acts on.
  // This may be gone when it returns, if the reactor owns it.
  void Answer(grpc::ServerUnaryReactor* reactor, const absl::Status& status,
              absl::string_view target = "");

 private:
  ServiceContext& context_;
  const Call call_;
  const grpc::ServerContextBase& rpc_;
  const MonotonicTime start_;
  const bool entered_;
  Verdict verdict_;
  CallLimits::Hold hold_;
  absl::Status admitted_;
};

// The reactor of a call whose answer is `response` unless `status` is an error: gRPC's own, or for
// a large answer one that holds its share of limits.answer_bytes until the client has read it. If
// nothing is left of those, `status` says so and `response` is empty.
grpc::ServerUnaryReactor* ReactorFor(ServiceContext& context, grpc::CallbackServerContext& rpc,
                                     google::protobuf::Message& response, absl::Status& status);

// Answers a call by `work`, which fills the response and answers a Status. After that, and also if
// the call is not admitted, nothing of `received` is needed any more, but for `target`, which must
// not be a part of it.
template <typename Request, typename Work>
grpc::ServerUnaryReactor* AnswerCall(ServiceContext& context, Call call,
                                     grpc::CallbackServerContext* rpc,
                                     const Received<Request>& received,
                                     google::protobuf::Message& response, Work&& work,
                                     absl::string_view target = "") {
  if (context.state != nullptr) {
    // Its answer may have to wait, and it with it.
    auto waiting = std::make_unique<UnaryCall>(context, call, *rpc);
    absl::Status status =
        waiting->admitted().ok() ? std::forward<Work>(work)() : waiting->admitted();
    received.Discard();
    grpc::ServerUnaryReactor* const reactor = ReactorFor(context, *rpc, response, status);
    WhenKept(context, [waiting = std::move(waiting), reactor, status = std::move(status),
                       target = std::string(target)] { waiting->Answer(reactor, status, target); });
    return reactor;
  }
  UnaryCall admitted(context, call, *rpc);
  absl::Status status = admitted.admitted().ok() ? std::forward<Work>(work)() : admitted.admitted();
  received.Discard();
  grpc::ServerUnaryReactor* const reactor = ReactorFor(context, *rpc, response, status);
  admitted.Answer(reactor, status, target);
  return reactor;
}

}  // namespace eldr

#endif  // ELDR_SERVER_RPC_UNARY_CALL_H_
