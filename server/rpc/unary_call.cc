#include "server/rpc/unary_call.h"

#include <grpc/support/time.h>

#include <memory>
#include <utility>

#include "server/base/status_to_grpc.h"

namespace eldr {
namespace {

// Smaller answers are bounded well enough by their number.
constexpr std::size_t kLargeAnswer = 64 << 10;

class LargeAnswer final : public grpc::ServerUnaryReactor {
 public:
  explicit LargeAnswer(CallLimits::Hold hold) : hold_(std::move(hold)) {}

 private:
  void OnDone() override { delete this; }

  const CallLimits::Hold hold_;
};

}  // namespace

grpc::ServerUnaryReactor* ReactorFor(ServiceContext& context, grpc::CallbackServerContext& rpc,
                                     google::protobuf::Message& response, absl::Status& status) {
  const std::size_t bytes = status.ok() ? response.ByteSizeLong() : 0;
  if (bytes <= kLargeAnswer) return rpc.DefaultReactor();
  // As a message, and as the bytes that are sent.
  absl::StatusOr<CallLimits::Hold> hold =
      context.limits.EnterAnswer(response.SpaceUsedLong() + bytes);
  if (hold.ok()) return new LargeAnswer(*std::move(hold));
  status = hold.status();
  const std::unique_ptr<google::protobuf::Message> empty(response.New());
  response.GetReflection()->Swap(&response, empty.get());
  return rpc.DefaultReactor();
}

absl::Status CheckDeadline(gpr_timespec deadline) {
  // On the clock that the deadline came with: gRPC made it from the client's timeout.
  if (gpr_time_cmp(deadline, gpr_now(deadline.clock_type)) > 0) return absl::OkStatus();
  return absl::DeadlineExceededError("the call's deadline passed before it was served");
}

absl::Status CheckWanted(const grpc::CallbackServerContext& rpc) {
  // A call whose deadline passes is cancelled too.
  absl::Status status = CheckDeadline(rpc.raw_deadline());
  if (status.ok() && rpc.IsCancelled()) status = absl::CancelledError("the client cancelled");
  return status;
}

UnaryCall::UnaryCall(ServiceContext& context, Call call, const grpc::ServerContextBase& rpc)
    : context_(context),
      call_(call),
      rpc_(rpc),
      start_(context.clock.Monotonic()),
      entered_(context.calls.Enter()),
      admitted_(entered_ ? CheckDeadline(rpc.raw_deadline()) : ShuttingDown()) {
  if (!admitted_.ok()) return;
  verdict_ = context.authorizer.Authorize(call, rpc);
  admitted_ = verdict_.status;
  if (!admitted_.ok()) return;
  absl::StatusOr<CallLimits::Hold> hold = context.limits.EnterCall();
  if (hold.ok()) {
    hold_ = *std::move(hold);
  } else {
    admitted_ = hold.status();
  }
}

void UnaryCall::Answer(grpc::ServerUnaryReactor* reactor, const absl::Status& status,
                       absl::string_view target) {
  ServiceContext& context = context_;
  const bool entered = entered_;
  if (entered) {
    context.metrics.OnCall(call_, status, context.clock.Monotonic() - start_);
    // Before the call is finished: its context may go with it.
    if (!verdict_.who.empty()) context.audit.OnCall(call_, verdict_, rpc_, target, status);
  }
  hold_ = CallLimits::Hold();
  reactor->Finish(ToGrpcStatus(status));
  if (entered) context.calls.Leave();
}

}  // namespace eldr
