#include "server/service/placement_streams.h"

#include <memory>
#include <utility>

#include "server/convert/placement_convert.h"
#include "server/service/placement_operations.h"
#include "server/service/signature_wait.h"

namespace eldr {

void SignatureStream::Handle(v1::StreamSignaturesRequest& request) {
  const MonotonicTime start = context_.clock.Monotonic();
  v1::StreamSignaturesResponse response;
  response.set_id(request.id());
  const absl::Status status = PushSignature(context_, request.push(), response.mutable_stored());
  if (!status.ok()) ToProto(status, response.mutable_error());
  WhenKept(context_, [this, start, status, answer = std::move(response)]() mutable {
    context_.metrics.OnCall(Call::kStreamSignatures, status, context_.clock.Monotonic() - start);
    Answer(std::move(answer));
  });
}

void PlacementStream::Handle(v1::StreamPlacementsRequest& request) {
  const MonotonicTime start = context_.clock.Monotonic();
  const absl::StatusOr<absl::Duration> wait = SignatureWaitOf(request.place());
  if (!wait.ok() || *wait == absl::ZeroDuration()) {
    AnswerQuery(request, wait.status(), start);
    return;
  }
  auto waiting = std::make_unique<v1::StreamPlacementsRequest>(std::move(request));
  const v1::PlaceRequest& query = waiting->place();
  absl::StatusOr<CallLimits::Hold> hold = context_.limits.EnterWait(peer(), query.ByteSizeLong());
  if (!hold.ok()) {
    AnswerQuery(*waiting, hold.status(), start);
    return;
  }
  SignatureWait::Start(
      context_.router, query.model(), query.request_id(), *wait,
      [this, start, waiting = std::move(waiting), hold = *std::move(hold)]() mutable {
        // Before the answer: the stream and all it uses may go with it.
        hold = CallLimits::Hold();
        // A placement for a client that is gone would only leave a lease.
        if (ClientIsGone()) {
          Drop();
        } else {
          AnswerQuery(*waiting, absl::OkStatus(), start);
        }
      });
}

void PlacementStream::AnswerQuery(const v1::StreamPlacementsRequest& request,
                                  absl::Status wait_status, MonotonicTime start) {
  v1::StreamPlacementsResponse response;
  response.set_id(request.id());
  absl::Status status = std::move(wait_status);
  if (status.ok()) status = Place(context_, request.place(), response.mutable_placed());
  if (!status.ok()) ToProto(status, response.mutable_error());
  WhenKept(context_, [this, start, status, answer = std::move(response)]() mutable {
    context_.metrics.OnCall(Call::kStreamPlacements, status, context_.clock.Monotonic() - start);
    Answer(std::move(answer));
  });
}

}  // namespace eldr
