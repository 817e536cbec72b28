#include "server/service/waiting_placement.h"

#include <memory>
#include <utility>

#include "server/base/peer.h"
#include "server/rpc/trace_context.h"
#include "server/rpc/unary_call.h"
#include "server/service/placement_operations.h"
#include "server/service/placement_turn.h"
#include "server/service/signature_wait.h"

namespace eldr {
namespace {

// Exists only while it waits or is about to answer: what is refused never becomes one. So all that
// gRPC can call, at any moment until the end, finds a wait.
class WaitingPlacement final : public grpc::ServerUnaryReactor {
 public:
  // `call` is admitted.
  WaitingPlacement(ServiceContext& context, grpc::CallbackServerContext* rpc,
                   const Received<v1::PlaceRequest>& received, v1::PlaceResponse* response,
                   std::unique_ptr<UnaryCall> call, CallLimits::Hold hold, absl::Duration wait)
      : context_(context),
        rpc_(rpc),
        received_(received),
        response_(response),
        call_(std::move(call)),
        hold_(std::move(hold)),
        // Until the service method returns gRPC neither cancels nor deletes, so this is set by
        // then.
        wait_(SignatureWait::Start(context.router, request().model(), request().request_id(), wait,
                                   [this] { OnWaited(); })) {}

 private:
  const v1::PlaceRequest& request() const { return received_.message(); }

  // The client is gone: a placement would only leave a lease that nobody releases. gRPC also calls
  // this when the call is answered already.
  void OnCancel() override {
    if (!wait_->Cancel()) return;
    const absl::Status status = CheckWanted(*rpc_);
    Answer(status.ok() ? absl::CancelledError("the client cancelled") : status);
  }
  void OnDone() override { delete this; }

  void OnWaited() {
    PlaceInTurn(context_, request().model(), [this](absl::Status status) {
      if (status.ok()) status = CheckWanted(*rpc_);
      if (status.ok()) status = eldr::Place(context_, request(), TraceIdOf(*rpc_), response_);
      WhenKept(context_, [this, status] { Answer(status); });
    });
  }

  void Answer(const absl::Status& status) {
    received_.Discard();
    hold_ = CallLimits::Hold();
    call_->Answer(this, status);  // may delete this
  }

  ServiceContext& context_;
  grpc::CallbackServerContext* const rpc_;
  const Received<v1::PlaceRequest>& received_;
  v1::PlaceResponse* const response_;
  const std::unique_ptr<UnaryCall> call_;
  CallLimits::Hold hold_;
  const std::shared_ptr<SignatureWait> wait_;  // last: it may call back before it is made
};

}  // namespace

grpc::ServerUnaryReactor* NewWaitingPlacement(ServiceContext& context,
                                              grpc::CallbackServerContext* rpc,
                                              const Received<v1::PlaceRequest>& received,
                                              v1::PlaceResponse* response, absl::Duration wait) {
  auto call = std::make_unique<UnaryCall>(context, Call::kPlace, *rpc);
  absl::Status status = call->admitted();
  CallLimits::Hold hold;
  if (status.ok()) {
    absl::StatusOr<CallLimits::Hold> entered =
        context.limits.EnterWait(PeerOf(*rpc), received.message().SpaceUsedLong());
    status = entered.status();
    if (status.ok()) hold = *std::move(entered);
  }
  if (!status.ok()) {
    received.Discard();
    grpc::ServerUnaryReactor* const reactor = rpc->DefaultReactor();
    call->Answer(reactor, status);
    return reactor;
  }
  return new WaitingPlacement(context, rpc, received, response, std::move(call), std::move(hold),
                              wait);
}

}  // namespace eldr
