#include "server/service/placement_service.h"

#include <memory>

#include "server/base/peer.h"
#include "server/convert/placement_convert.h"
#include "server/rpc/unary_call.h"
#include "server/service/placement_operations.h"
#include "server/service/placement_streams.h"
#include "server/service/placement_watch.h"
#include "server/service/signature_wait.h"

namespace eldr {
namespace {

// A unary placement that waits for its signature. Deletes itself.
class WaitingPlacement final : public grpc::ServerUnaryReactor {
 public:
  WaitingPlacement(ServiceContext& context, const grpc::ServerContextBase& rpc,
                   const v1::PlaceRequest& request, v1::PlaceResponse* response)
      : context_(context),
        rpc_(rpc),
        request_(request),
        response_(response),
        call_(context, Call::kPlace, rpc) {}

  // Call once, from the service method: until that returns gRPC neither cancels nor deletes.
  void Begin(absl::Duration wait) {
    if (!call_.admitted().ok()) {
      Answer(call_.admitted());
      return;
    }
    absl::StatusOr<CallLimits::Hold> hold =
        context_.limits.EnterWait(PeerOf(rpc_), request_.ByteSizeLong());
    if (!hold.ok()) {
      Answer(hold.status());
      return;
    }
    hold_ = *std::move(hold);
    wait_ = SignatureWait::Start(
        context_.router, request_.model(), request_.request_id(), wait, [this] {
          const absl::Status status = eldr::Place(context_, request_, response_);
          WhenKept(context_, [this, status] { Answer(status); });
        });
  }

 private:
  // The client is gone: a placement would only leave a lease that nobody releases.
  void OnCancel() override {
    if (wait_->Cancel()) Answer(absl::CancelledError("the client cancelled"));
  }
  void OnDone() override { delete this; }

  void Answer(const absl::Status& status) {
    hold_ = CallLimits::Hold();
    call_.Answer(this, status);  // may delete this
  }

  ServiceContext& context_;
  const grpc::ServerContextBase& rpc_;
  const v1::PlaceRequest& request_;
  v1::PlaceResponse* const response_;
  UnaryCall call_;
  CallLimits::Hold hold_;
  std::shared_ptr<SignatureWait> wait_;
};

// A unary placement whose turn has not come yet.
grpc::ServerUnaryReactor* QueuePlacement(ServiceContext& context, grpc::CallbackServerContext* rpc,
                                         const v1::PlaceRequest& request,
                                         v1::PlaceResponse* response) {
  grpc::ServerUnaryReactor* const reactor = rpc->DefaultReactor();
  const auto call = std::make_shared<UnaryCall>(context, Call::kPlace, *rpc);
  absl::Status status = call->admitted();
  if (status.ok()) {
    status = context.placements.Queue([&context, rpc, &request, response, reactor, call] {
      // Who gave up meanwhile would never release the lease.
      absl::Status placed = rpc->IsCancelled() ? absl::CancelledError("the client cancelled")
                                               : CheckDeadline(rpc->raw_deadline());
      if (placed.ok()) placed = Place(context, request, response);
      WhenKept(context, [call, reactor, placed] { call->Answer(reactor, placed); });
    });
  }
  if (!status.ok()) call->Answer(reactor, status);
  return reactor;
}

}  // namespace

grpc::ServerUnaryReactor* PlacementService::PushSignature(grpc::CallbackServerContext* rpc,
                                                          const v1::PushSignatureRequest* request,
                                                          v1::PushSignatureResponse* response) {
  return AnswerCall(context_, Call::kPushSignature, rpc,
                    [&] { return eldr::PushSignature(context_, *request, response); });
}

grpc::ServerBidiReactor<v1::StreamSignaturesRequest, v1::StreamSignaturesResponse>*
PlacementService::StreamSignatures(grpc::CallbackServerContext* rpc) {
  auto* const stream = new SignatureStream(context_);
  stream->Begin(*rpc);
  return stream;
}

grpc::ServerUnaryReactor* PlacementService::UpdateBlocks(grpc::CallbackServerContext* rpc,
                                                         const v1::UpdateBlocksRequest* request,
                                                         v1::UpdateBlocksResponse* response) {
  return AnswerCall(context_, Call::kUpdateBlocks, rpc,
                    [&] { return eldr::UpdateBlocks(context_, *request, response); });
}

grpc::ServerUnaryReactor* PlacementService::Place(grpc::CallbackServerContext* rpc,
                                                  const v1::PlaceRequest* request,
                                                  v1::PlaceResponse* response) {
  const absl::StatusOr<absl::Duration> wait = SignatureWaitOf(*request);
  if (!wait.ok()) {
    return AnswerCall(context_, Call::kPlace, rpc, [&wait] { return wait.status(); });
  }
  if (*wait == absl::ZeroDuration()) {
    if (!context_.placements.TryEnter()) {
      return QueuePlacement(context_, rpc, *request, response);
    }
    grpc::ServerUnaryReactor* const reactor = AnswerCall(
        context_, Call::kPlace, rpc, [&] { return eldr::Place(context_, *request, response); });
    context_.placements.Leave();
    return reactor;
  }
  auto* const waiting = new WaitingPlacement(context_, *rpc, *request, response);
  waiting->Begin(*wait);
  return waiting;
}

grpc::ServerBidiReactor<v1::StreamPlacementsRequest, v1::StreamPlacementsResponse>*
PlacementService::StreamPlacements(grpc::CallbackServerContext* rpc) {
  auto* const stream = new PlacementStream(context_);
  stream->Begin(*rpc);
  return stream;
}

grpc::ServerUnaryReactor* PlacementService::RenewLease(grpc::CallbackServerContext* rpc,
                                                       const v1::RenewLeaseRequest* request,
                                                       v1::RenewLeaseResponse* response) {
  return AnswerCall(context_, Call::kRenewLease, rpc,
                    [&] { return eldr::RenewLease(context_, *request, response); });
}

grpc::ServerUnaryReactor* PlacementService::RenewLeases(grpc::CallbackServerContext* rpc,
                                                        const v1::RenewLeasesRequest* request,
                                                        v1::RenewLeasesResponse* response) {
  return AnswerCall(context_, Call::kRenewLeases, rpc,
                    [&] { return eldr::RenewLeases(context_, *request, response); });
}

grpc::ServerUnaryReactor* PlacementService::ReleaseLease(grpc::CallbackServerContext* rpc,
                                                         const v1::ReleaseLeaseRequest* request,
                                                         v1::ReleaseLeaseResponse* response) {
  return AnswerCall(context_, Call::kReleaseLease, rpc,
                    [&] { return eldr::ReleaseLease(context_, *request, response); });
}

grpc::ServerUnaryReactor* PlacementService::ReleaseLeases(grpc::CallbackServerContext* rpc,
                                                          const v1::ReleaseLeasesRequest* request,
                                                          v1::ReleaseLeasesResponse* response) {
  return AnswerCall(context_, Call::kReleaseLeases, rpc,
                    [&] { return eldr::ReleaseLeases(context_, *request, response); });
}

grpc::ServerUnaryReactor* PlacementService::ExplainPlacement(
    grpc::CallbackServerContext* rpc, const v1::ExplainPlacementRequest* request,
    v1::ExplainPlacementResponse* response) {
  return AnswerCall(context_, Call::kExplainPlacement, rpc,
                    [&] { return eldr::ExplainPlacement(context_, *request, response); });
}

grpc::ServerWriteReactor<v1::WatchPlacementsResponse>* PlacementService::WatchPlacements(
    grpc::CallbackServerContext* rpc, const v1::WatchPlacementsRequest* request) {
  return NewPlacementWatch(context_, *rpc, *request);
}

}  // namespace eldr
