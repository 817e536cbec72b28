#include "server/service/placement_streams.h"

#include <memory>
#include <utility>

#include "server/convert/placement_convert.h"
#include "server/service/placement_operations.h"
#include "server/service/placement_turn.h"
#include "server/service/signature_wait.h"

namespace eldr {

void SignatureStream::Handle(v1::StreamSignaturesRequest& request) {
  const MonotonicTime start = context_.clock.Monotonic();
  v1::StreamSignaturesResponse response;
  const absl::Status status = PushSignature(context_, request.push(), response.mutable_stored());
  Conclude(request.id(), std::move(response), status, start);
}

void PlacementStream::Handle(v1::StreamPlacementsRequest& request) {
  const MonotonicTime start = context_.clock.Monotonic();
  const absl::StatusOr<absl::Duration> wait = SignatureWaitOf(request.place());
  if (!wait.ok()) {
    Conclude(request.id(), {}, wait.status(), start);
    return;
  }
  auto query = std::make_unique<v1::StreamPlacementsRequest>(std::move(request));
  if (*wait == absl::ZeroDuration()) {
    Decide(std::move(query), start);
  } else {
    Wait(std::move(query), *wait, start);
  }
}

void PlacementStream::Wait(Query query, absl::Duration wait, MonotonicTime start) {
  const v1::PlaceRequest& place = query->place();
  absl::StatusOr<CallLimits::Hold> hold = context_.limits.EnterWait(peer(), place.SpaceUsedLong());
  if (!hold.ok()) {
    Conclude(query->id(), {}, hold.status(), start);
    return;
  }
  SignatureWait::Start(context_.router, place.model(), place.request_id(), wait,
                       [this, start, query = std::move(query), hold = *std::move(hold)]() mutable {
                         // Before the answer: the stream and all it uses may go with it.
                         hold = CallLimits::Hold();
                         Decide(std::move(query), start);
                       });
}

void PlacementStream::Decide(Query query, MonotonicTime start) {
  const v1::StreamPlacementsRequest& message = *query;
  PlaceInTurn(context_, message.place().model(),
              [this, query = std::move(query), start](absl::Status status) {
                // A placement for a client that is gone would only leave a lease.
                if (ClientIsGone()) return Drop();
                v1::StreamPlacementsResponse response;
                if (status.ok())
                  status = Place(context_, query->place(), trace_id(), response.mutable_placed());
                Conclude(query->id(), std::move(response), status, start);
              });
}

}  // namespace eldr
