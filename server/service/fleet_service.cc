#include "server/service/fleet_service.h"

#include <utility>

#include "server/rpc/message_stream.h"
#include "server/service/fleet_operations.h"

namespace eldr {
namespace {

// Answers each heartbeat, in order.
class HeartbeatStream final
    : public MessageStream<v1::StreamHeartbeatsRequest, v1::StreamHeartbeatsResponse> {
 public:
  explicit HeartbeatStream(ServiceContext& context)
      : MessageStream(context, Call::kStreamHeartbeats) {}

 private:
  void Handle(v1::StreamHeartbeatsRequest& request) override {
    const MonotonicTime start = context_.clock.Monotonic();
    v1::StreamHeartbeatsResponse response;
    const absl::Status status =
        eldr::Heartbeat(context_, request.heartbeat(), response.mutable_taken());
    Conclude(request.id(), std::move(response), status, start);
  }
};

absl::string_view RegisteredNode(const v1::RegisterNodeRequest& request) {
  return request.node().node_id();
}

template <typename Request>
absl::string_view NamedNode(const Request& request) {
  return request.node_id();
}

}  // namespace

FleetService::FleetService(ServiceContext& context) : MethodTable(context) {
  Unary(Call::kRegisterNode, eldr::RegisterNode, RegisteredNode);
  Unary(Call::kHeartbeat, eldr::Heartbeat);
  Bidirectional<HeartbeatStream>(Call::kStreamHeartbeats);
  Unary(Call::kDrainNode, eldr::DrainNode, NamedNode<v1::DrainNodeRequest>);
  Unary(Call::kUndrainNode, eldr::UndrainNode, NamedNode<v1::UndrainNodeRequest>);
  Unary(Call::kRemoveNode, eldr::RemoveNode, NamedNode<v1::RemoveNodeRequest>);
  Unary(Call::kListNodes, eldr::ListNodes);
  Unary(Call::kGetResidency, eldr::GetResidency);
}

}  // namespace eldr
