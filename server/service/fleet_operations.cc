#include "server/service/fleet_operations.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/convert/fleet_convert.h"
#include "server/convert/proto_convert.h"
#include "server/record/event_log.h"
#include "server/service/list_page.h"

namespace eldr {

absl::Status RegisterNode(ServiceContext& context, const v1::RegisterNodeRequest& request,
                          v1::RegisterNodeResponse* response) {
  NodeSpec spec;
  ELDR_ASSIGN_OR_RETURN(spec, FromProto(request.node()));
  RegisterResult result;
  ELDR_ASSIGN_OR_RETURN(result, context.router.RegisterNode(spec));
  response->set_state(ToProto(result.state));
  response->set_created(result.created);
  response->set_ended_leases(result.ended_leases);
  ToProto(context.router.options().node_timeout, response->mutable_node_timeout());
  response->set_shares_address_with(result.shares_address_with);
  return absl::OkStatus();
}

absl::Status Heartbeat(ServiceContext& context, const v1::HeartbeatRequest& request,
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

absl::Status DrainNode(ServiceContext& context, const v1::DrainNodeRequest& request,
                       v1::DrainNodeResponse* response) {
  std::uint32_t leases = 0;
  ELDR_ASSIGN_OR_RETURN(leases, context.router.DrainNode(request.node_id()));
  response->set_leases(leases);
  return absl::OkStatus();
}

absl::Status UndrainNode(ServiceContext& context, const v1::UndrainNodeRequest& request,
                         v1::UndrainNodeResponse* response) {
  NodeState state;
  ELDR_ASSIGN_OR_RETURN(state, context.router.UndrainNode(request.node_id()));
  response->set_state(ToProto(state));
  return absl::OkStatus();
}

absl::Status RemoveNode(ServiceContext& context, const v1::RemoveNodeRequest& request,
                        v1::RemoveNodeResponse* response) {
  RemoveResult result;
  ELDR_ASSIGN_OR_RETURN(result, context.router.RemoveNode(request.node_id()));
  response->set_removed(result.removed);
  response->set_ended_leases(result.ended_leases);
  return absl::OkStatus();
}

absl::Status ListNodes(ServiceContext& context, const v1::ListNodesRequest& request,
                       v1::ListNodesResponse* response) {
  NodePosition after;
  if (!request.page_token().empty()) {
    // The model is part of the token: a page of another list would leave nodes out.
    std::vector<std::string> place;
    ELDR_ASSIGN_OR_RETURN(
        place, ParsePageToken(absl::StrCat("nodes of ", request.model()), request.page_token(), 2));
    after = {std::move(place[0]), std::move(place[1])};
  }
  const std::size_t most = PageElements(request.page_size());
  std::vector<NodeStatus> nodes;
  ELDR_ASSIGN_OR_RETURN(nodes, context.router.ListNodes(request.model(), after, most + 1));
  const std::size_t shown =
      FillPage(nodes, most, response->mutable_nodes(),
               [](const NodeStatus& node, v1::Node* proto) { ToProto(node, proto); });
  if (shown < nodes.size()) {
    const NodeSpec& last = nodes[shown - 1].spec;
    response->set_next_page_token(
        MakePageToken(absl::StrCat("nodes of ", request.model()), {last.model, last.node_id}));
  }
  return absl::OkStatus();
}

absl::Status GetResidency(ServiceContext& context, const v1::GetResidencyRequest& request,
                          v1::GetResidencyResponse* response) {
  Residency residency;
  ELDR_ASSIGN_OR_RETURN(residency, context.router.GetResidency(request.node_id()));
  ToProto(residency, response);
  return absl::OkStatus();
}

}  // namespace eldr
