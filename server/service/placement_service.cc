#include "server/service/placement_service.h"

#include <memory>
#include <utility>

#include "server/convert/placement_convert.h"
#include "server/rpc/trace_context.h"
#include "server/service/placement_operations.h"
#include "server/service/placement_streams.h"
#include "server/service/placement_turn.h"
#include "server/service/placement_watch.h"
#include "server/service/waiting_placement.h"

namespace eldr {
namespace {

// A placement whose turn has not come yet.
grpc::ServerUnaryReactor* QueuePlacement(ServiceContext& context, grpc::CallbackServerContext* rpc,
                                         const Received<v1::PlaceRequest>& received,
                                         v1::PlaceResponse* response) {
  const v1::PlaceRequest& request = received.message();
  grpc::ServerUnaryReactor* const reactor = rpc->DefaultReactor();
  const auto call = std::make_shared<UnaryCall>(context, Call::kPlace, *rpc);
  absl::Status status = call->admitted();
  if (status.ok()) {
    status = context.placements.Queue(
        QueueOf(context, request.model()), [&context, rpc, &received, response, reactor, call] {
          // Who gave up meanwhile would never release the lease.
          absl::Status placed = CheckWanted(*rpc);
          if (placed.ok()) placed = Place(context, received.message(), TraceIdOf(*rpc), response);
          received.Discard();
          WhenKept(context, [call, reactor, placed] { call->Answer(reactor, placed); });
        });
  }
  if (!status.ok()) {
    received.Discard();
    call->Answer(reactor, status);
  }
  return reactor;
}

grpc::ServerUnaryReactor* StartPlacement(ServiceContext& context, grpc::CallbackServerContext* rpc,
                                         const Received<v1::PlaceRequest>& received,
                                         v1::PlaceResponse* response) {
  const v1::PlaceRequest& request = received.message();
  const absl::StatusOr<absl::Duration> wait =
      received.status().ok() ? SignatureWaitOf(request) : received.status();
  if (!wait.ok()) {
    return AnswerCall(context, Call::kPlace, rpc, received, *response,
                      [&wait] { return wait.status(); });
  }
  if (*wait > absl::ZeroDuration()) {
    return NewWaitingPlacement(context, rpc, received, response, *wait);
  }
  if (const AdmissionQueue::Turn turn =
          context.placements.TryEnter(QueueOf(context, request.model()))) {
    return AnswerCall(context, Call::kPlace, rpc, received, *response,
                      [&] { return Place(context, request, TraceIdOf(*rpc), response); });
  }
  return QueuePlacement(context, rpc, received, response);
}

}  // namespace

PlacementService::PlacementService(ServiceContext& context) : MethodTable(context) {
  Unary(Call::kPushSignature, eldr::PushSignature);
  Bidirectional<SignatureStream>(Call::kStreamSignatures);
  Unary(Call::kUpdateBlocks, eldr::UpdateBlocks);
  UnaryBy<v1::PlaceRequest, v1::PlaceResponse>(
      Call::kPlace,
      [&context](grpc::CallbackServerContext* rpc, const Received<v1::PlaceRequest>* request,
                 v1::PlaceResponse* response) {
        return StartPlacement(context, rpc, *request, response);
      });
  Bidirectional<PlacementStream>(Call::kStreamPlacements);
  Unary(Call::kRenewLease, eldr::RenewLease);
  Unary(Call::kRenewLeases, eldr::RenewLeases);
  Unary(Call::kReleaseLease, eldr::ReleaseLease);
  Unary(Call::kReleaseLeases, eldr::ReleaseLeases);
  Unary(Call::kExplainPlacement, eldr::ExplainPlacement);
  Answers<v1::WatchPlacementsRequest, v1::WatchPlacementsResponse>(
      Call::kWatchPlacements, [&context](grpc::CallbackServerContext* rpc,
                                         const Received<v1::WatchPlacementsRequest>* request) {
        return NewPlacementWatch(context, *rpc, *request);
      });
}

}  // namespace eldr
