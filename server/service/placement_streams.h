// The streams of the placement service.
#ifndef ELDR_SERVER_SERVICE_PLACEMENT_STREAMS_H_
#define ELDR_SERVER_SERVICE_PLACEMENT_STREAMS_H_

#include "eldr/v1/placement.pb.h"
#include "server/rpc/message_stream.h"
#include "server/rpc/service_context.h"

namespace eldr {

// Acknowledges each signature, in order.
class SignatureStream final
    : public MessageStream<v1::StreamSignaturesRequest, v1::StreamSignaturesResponse> {
 public:
  explicit SignatureStream(ServiceContext& context)
      : MessageStream(context, Call::kStreamSignatures), context_(context) {}

 private:
  void Handle(v1::StreamSignaturesRequest& request) override;

  ServiceContext& context_;
};

// Answers each query; one that waits for its signature lets later ones pass.
class PlacementStream final
    : public MessageStream<v1::StreamPlacementsRequest, v1::StreamPlacementsResponse> {
 public:
  explicit PlacementStream(ServiceContext& context)
      : MessageStream(context, Call::kStreamPlacements), context_(context) {}

 private:
  void Handle(v1::StreamPlacementsRequest& request) override;
  void AnswerQuery(const v1::StreamPlacementsRequest& request, absl::Status wait_status,
                   MonotonicTime start);

  ServiceContext& context_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_SERVICE_PLACEMENT_STREAMS_H_
