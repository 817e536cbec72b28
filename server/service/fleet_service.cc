#include "server/service/fleet_service.h"

#include <utility>

#include "server/base/status_to_grpc.h"
#include "server/rpc/message_stream.h"
#include "server/rpc/unary_call.h"
#include "server/service/fleet_operations.h"

namespace eldr {
namespace {

// Answers each heartbeat, in order.
class HeartbeatStream final
    : public MessageStream<v1::StreamHeartbeatsRequest, v1::StreamHeartbeatsResponse> {
 public:
  explicit HeartbeatStream(ServiceContext& context)
      : MessageStream(context, Call::kStreamHeartbeats), context_(context) {}

 private:
  void Handle(v1::StreamHeartbeatsRequest& request) override {
    const MonotonicTime start = context_.clock.Monotonic();
    v1::StreamHeartbeatsResponse response;
    response.set_id(request.id());
    const absl::Status status =
        eldr::Heartbeat(context_, request.heartbeat(), response.mutable_taken());
    if (!status.ok()) ToProto(status, response.mutable_error());
    WhenKept(context_, [this, start, status, answer = std::move(response)]() mutable {
      context_.metrics.OnCall(Call::kStreamHeartbeats, status, context_.clock.Monotonic() - start);
      Answer(std::move(answer));
    });
  }

  ServiceContext& context_;
};

}  // namespace

grpc::ServerUnaryReactor* FleetService::RegisterNode(grpc::CallbackServerContext* rpc,
                                                     const v1::RegisterNodeRequest* request,
                                                     v1::RegisterNodeResponse* response) {
  return AnswerCall(
      context_, Call::kRegisterNode, rpc,
      [&] { return eldr::RegisterNode(context_, *request, response); }, request->node().node_id());
}

grpc::ServerUnaryReactor* FleetService::Heartbeat(grpc::CallbackServerContext* rpc,
                                                  const v1::HeartbeatRequest* request,
                                                  v1::HeartbeatResponse* response) {
  return AnswerCall(context_, Call::kHeartbeat, rpc,
                    [&] { return eldr::Heartbeat(context_, *request, response); });
}

grpc::ServerBidiReactor<v1::StreamHeartbeatsRequest, v1::StreamHeartbeatsResponse>*
FleetService::StreamHeartbeats(grpc::CallbackServerContext* rpc) {
  auto* const stream = new HeartbeatStream(context_);
  stream->Begin(*rpc);
  return stream;
}

grpc::ServerUnaryReactor* FleetService::DrainNode(grpc::CallbackServerContext* rpc,
                                                  const v1::DrainNodeRequest* request,
                                                  v1::DrainNodeResponse* response) {
  return AnswerCall(
      context_, Call::kDrainNode, rpc,
      [&] { return eldr::DrainNode(context_, *request, response); }, request->node_id());
}

grpc::ServerUnaryReactor* FleetService::UndrainNode(grpc::CallbackServerContext* rpc,
                                                    const v1::UndrainNodeRequest* request,
                                                    v1::UndrainNodeResponse* response) {
  return AnswerCall(
      context_, Call::kUndrainNode, rpc,
      [&] { return eldr::UndrainNode(context_, *request, response); }, request->node_id());
}

grpc::ServerUnaryReactor* FleetService::RemoveNode(grpc::CallbackServerContext* rpc,
                                                   const v1::RemoveNodeRequest* request,
                                                   v1::RemoveNodeResponse* response) {
  return AnswerCall(
      context_, Call::kRemoveNode, rpc,
      [&] { return eldr::RemoveNode(context_, *request, response); }, request->node_id());
}

grpc::ServerUnaryReactor* FleetService::ListNodes(grpc::CallbackServerContext* rpc,
                                                  const v1::ListNodesRequest* request,
                                                  v1::ListNodesResponse* response) {
  return AnswerCall(context_, Call::kListNodes, rpc,
                    [&] { return eldr::ListNodes(context_, *request, response); });
}

grpc::ServerUnaryReactor* FleetService::GetResidency(grpc::CallbackServerContext* rpc,
                                                     const v1::GetResidencyRequest* request,
                                                     v1::GetResidencyResponse* response) {
  return AnswerCall(context_, Call::kGetResidency, rpc,
                    [&] { return eldr::GetResidency(context_, *request, response); });
}

}  // namespace eldr
