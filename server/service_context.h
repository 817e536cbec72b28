// What every service needs, and how a unary call is answered.
#ifndef ELDR_SERVER_SERVICE_CONTEXT_H_
#define ELDR_SERVER_SERVICE_CONTEXT_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <utility>

#include "absl/status/status.h"
#include "core/base/clock.h"
#include "core/policy/policy_settings.h"
#include "core/route/router.h"
#include "server/call_gate.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/status_to_grpc.h"

namespace eldr {

class EventLog;
class PlacementFeed;
class SignatureCapture;

// References that outlive the services.
struct ServiceContext {
  Router& router;
  CallGate& gate;
  Metrics& metrics;
  Log& log;
  const Clock& clock;
  // What a model gets that is declared by a call.
  PolicySettings default_policy;
  // Whether each placement leaves a line.
  bool log_requests = false;
  // nullptr if signatures are not recorded.
  SignatureCapture* capture = nullptr;
  // nullptr if events are not logged.
  EventLog* event_log = nullptr;
  // Of those who watch placements.
  PlacementFeed& feed;
};

// Answers a call at once by `work`, which fills the response and answers a Status.
template <typename Work>
grpc::ServerUnaryReactor* AnswerCall(ServiceContext& context, Call call,
                                     grpc::CallbackServerContext* rpc, Work&& work) {
  grpc::ServerUnaryReactor* const reactor = rpc->DefaultReactor();
  if (!context.gate.Enter()) {
    reactor->Finish(ToGrpcStatus(ShuttingDown()));
    return reactor;
  }
  const MonotonicTime start = context.clock.Monotonic();
  const absl::Status status = std::forward<Work>(work)();
  reactor->Finish(ToGrpcStatus(status));
  context.metrics.OnCall(call, status.code(), context.clock.Monotonic() - start);
  context.gate.Leave();
  return reactor;
}

}  // namespace eldr

#endif  // ELDR_SERVER_SERVICE_CONTEXT_H_
