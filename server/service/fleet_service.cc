#include "server/service/fleet_service.h"

#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "server/convert/fleet_convert.h"
#include "server/convert/proto_convert.h"
#include "server/record/event_log.h"
#include "server/rpc/message_stream.h"
#include "server/rpc/unary_call.h"

namespace eldr {
namespace {

absl::Status TakeHeartbeat(ServiceContext& context, const v1::HeartbeatRequest& request,
                           v1::HeartbeatResponse* response) {
  std::vector<StepStats> steps;
  NodeReport report;
  ELDR_ASSIGN_OR_RETURN(report, FromProto(request, &steps));
  HeartbeatResult result;
  ELDR_ASSIGN_OR_RETURN(result, context.router.Heartbeat(report));
  if (context.event_log != nullptr) context.event_log->OnHeartbeat(request);
  ToProto(result, response);
  return absl::OkStatus();
}

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
        TakeHeartbeat(context_, request.heartbeat(), response.mutable_taken());
    if (!status.ok()) ToProto(status, response.mutable_error());
    WhenKept(context_, [this, start, status, answer = std::move(response)]() mutable {
      context_.metrics.OnCall(Call::kStreamHeartbeats, status, context_.clock.Monotonic() - start);
      Answer(std::move(answer));
    });
  }

  ServiceContext& context_;
};

absl::Status Register(ServiceContext& context, const v1::RegisterNodeRequest& request,
                      v1::RegisterNodeResponse* response) {
  NodeSpec spec;
  ELDR_ASSIGN_OR_RETURN(spec, FromProto(request.node()));
  RegisterResult result;
  ELDR_ASSIGN_OR_RETURN(result, context.router.RegisterNode(spec));
  response->set_state(ToProto(result.state));
  response->set_created(result.created);
  response->set_ended_leases(result.ended_leases);
  ToProto(context.router.options().node_timeout, response->mutable_node_timeout());
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* FleetService::RegisterNode(grpc::CallbackServerContext* rpc,
                                                     const v1::RegisterNodeRequest* request,
                                                     v1::RegisterNodeResponse* response) {
  return AnswerCall(
      context_, Call::kRegisterNode, rpc, [&] { return Register(context_, *request, response); },
      request->node().node_id());
}

grpc::ServerUnaryReactor* FleetService::Heartbeat(grpc::CallbackServerContext* rpc,
                                                  const v1::HeartbeatRequest* request,
                                                  v1::HeartbeatResponse* response) {
  return AnswerCall(context_, Call::kHeartbeat, rpc,
                    [&] { return TakeHeartbeat(context_, *request, response); });
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
      [&]() -> absl::Status {
        std::uint32_t leases = 0;
        ELDR_ASSIGN_OR_RETURN(leases, context_.router.DrainNode(request->node_id()));
        response->set_leases(leases);
        return absl::OkStatus();
      },
      request->node_id());
}

grpc::ServerUnaryReactor* FleetService::UndrainNode(grpc::CallbackServerContext* rpc,
                                                    const v1::UndrainNodeRequest* request,
                                                    v1::UndrainNodeResponse* response) {
  return AnswerCall(
      context_, Call::kUndrainNode, rpc,
      [&]() -> absl::Status {
        NodeState state;
        ELDR_ASSIGN_OR_RETURN(state, context_.router.UndrainNode(request->node_id()));
        response->set_state(ToProto(state));
        return absl::OkStatus();
      },
      request->node_id());
}

grpc::ServerUnaryReactor* FleetService::RemoveNode(grpc::CallbackServerContext* rpc,
                                                   const v1::RemoveNodeRequest* request,
                                                   v1::RemoveNodeResponse* response) {
  return AnswerCall(
      context_, Call::kRemoveNode, rpc,
      [&]() -> absl::Status {
        RemoveResult result;
        ELDR_ASSIGN_OR_RETURN(result, context_.router.RemoveNode(request->node_id()));
        response->set_removed(result.removed);
        response->set_ended_leases(result.ended_leases);
        return absl::OkStatus();
      },
      request->node_id());
}

grpc::ServerUnaryReactor* FleetService::ListNodes(grpc::CallbackServerContext* rpc,
                                                  const v1::ListNodesRequest* request,
                                                  v1::ListNodesResponse* response) {
  return AnswerCall(context_, Call::kListNodes, rpc, [&]() -> absl::Status {
    std::vector<NodeStatus> nodes;
    ELDR_ASSIGN_OR_RETURN(nodes, context_.router.ListNodes(request->model()));
    for (const NodeStatus& node : nodes) ToProto(node, response->add_nodes());
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* FleetService::GetResidency(grpc::CallbackServerContext* rpc,
                                                     const v1::GetResidencyRequest* request,
                                                     v1::GetResidencyResponse* response) {
  return AnswerCall(context_, Call::kGetResidency, rpc, [&]() -> absl::Status {
    Residency residency;
    ELDR_ASSIGN_OR_RETURN(residency, context_.router.GetResidency(request->node_id()));
    ToProto(residency, response);
    return absl::OkStatus();
  });
}

}  // namespace eldr
