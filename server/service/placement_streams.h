// The streams of the placement service.
#ifndef ELDR_SERVER_SERVICE_PLACEMENT_STREAMS_H_
#define ELDR_SERVER_SERVICE_PLACEMENT_STREAMS_H_

#include <memory>

#include "absl/time/time.h"
#include "eldr/v1/placement.pb.h"
#include "server/rpc/message_stream.h"
#include "server/rpc/service_context.h"

namespace eldr {

// Acknowledges each signature, in order.
class SignatureStream final
    : public MessageStream<v1::StreamSignaturesRequest, v1::StreamSignaturesResponse> {
 public:
  explicit SignatureStream(ServiceContext& context)
      : MessageStream(context, Call::kStreamSignatures) {}

 private:
  void Handle(v1::StreamSignaturesRequest& request) override;
};

// Answers each query. One that waits for its signature lets later ones pass, and so does one that
// waits for its model's turn if the later ones ask for another model.
class PlacementStream final
    : public MessageStream<v1::StreamPlacementsRequest, v1::StreamPlacementsResponse> {
 public:
  explicit PlacementStream(ServiceContext& context)
      : MessageStream(context, Call::kStreamPlacements) {}

 private:
  using Query = std::unique_ptr<v1::StreamPlacementsRequest>;

  void Handle(v1::StreamPlacementsRequest& request) override;
  // Decides when its signature arrives, or after `wait`.
  void Wait(Query query, absl::Duration wait, MonotonicTime start);
  // Decides when it is its turn.
  void Decide(Query query, MonotonicTime start);
};

}  // namespace eldr

#endif  // ELDR_SERVER_SERVICE_PLACEMENT_STREAMS_H_
