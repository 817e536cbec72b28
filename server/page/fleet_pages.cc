// /nodes and /fleet.
#include <string>
#include <vector>

#include "core/base/status_macros.h"
#include "server/page/api_context.h"
#include "server/page/json_writer.h"
#include "server/service/fleet_operations.h"

namespace eldr {
namespace {

std::optional<double> Seconds(const std::optional<absl::Duration>& duration) {
  if (!duration.has_value()) return std::nullopt;
  return absl::ToDoubleSeconds(*duration);
}

// A column: a value of each node.
template <typename ValueOf>
void Column(JsonWriter& json, const char* name, const std::vector<NodeStatus>& nodes,
            const ValueOf& value_of) {
  json.Key(name).BeginArray();
  for (const NodeStatus& node : nodes) json.Value(value_of(node));
  json.End();
}

void AddIdentity(JsonWriter& json, const std::vector<NodeStatus>& nodes) {
  Column(json, "node", nodes, [](const NodeStatus& node) { return node.spec.node_id; });
  Column(json, "expert_group", nodes,
         [](const NodeStatus& node) { return node.spec.group_name(); });
  Column(json, "state", nodes, [](const NodeStatus& node) { return Name(node.state); });
  Column(json, "draining", nodes, [](const NodeStatus& node) { return node.draining; });
}

void AddLoad(JsonWriter& json, const std::vector<NodeStatus>& nodes) {
  Column(json, "load", nodes, [](const NodeStatus& node) { return node.load; });
  Column(json, "leases", nodes, [](const NodeStatus& node) { return node.leases; });
  Column(json, "capacity", nodes, [](const NodeStatus& node) { return node.spec.capacity; });
  Column(json, "kv_tokens", nodes, [](const NodeStatus& node) { return node.kv_tokens; });
  Column(json, "kv_capacity_tokens", nodes,
         [](const NodeStatus& node) { return node.spec.kv_capacity_tokens; });
  Column(json, "kv_usage_ratio", nodes,
         [](const NodeStatus& node) { return node.reported_kv_usage; });
  Column(json, "running", nodes, [](const NodeStatus& node) { return node.reported_running; });
  Column(json, "queued", nodes, [](const NodeStatus& node) { return node.reported_queued; });
}

void AddNodeTimes(JsonWriter& json, const std::vector<NodeStatus>& nodes) {
  Column(json, "heartbeat_age_seconds", nodes,
         [](const NodeStatus& node) { return Seconds(node.heartbeat_age); });
  Column(json, "heartbeat_interval_seconds", nodes, [](const NodeStatus& node) {
    return absl::ToDoubleSeconds(node.spec.heartbeat_interval);
  });
  Column(json, "expected_experts_per_layer", nodes,
         [](const NodeStatus& node) { return node.expected_experts_per_layer; });
  Column(json, "predicted_step_seconds", nodes,
         [](const NodeStatus& node) { return Seconds(node.predicted_step_time); });
  Column(json, "reported_step_seconds", nodes,
         [](const NodeStatus& node) { return Seconds(node.reported_step_time); });
  Column(json, "slowness", nodes, [](const NodeStatus& node) { return node.step_time.slowness; });
  Column(json, "reports_not_believed", nodes, [](const NodeStatus& node) {
    std::uint64_t all = 0;
    for (const std::uint64_t count : node.not_believed) all += count;
    return all;
  });
}

absl::StatusOr<std::string> MakeFleet(const ApiContext& context, const std::string& model) {
  ELDR_ASSIGN_OR_RETURN(const std::vector<NodeStatus> nodes, context.router().ListNodes(model));
  JsonWriter json;
  json.BeginObject().Field("time_seconds", context.now_seconds()).Field("model", model);
  json.Key("columns").BeginObject();
  AddIdentity(json, nodes);
  AddLoad(json, nodes);
  AddNodeTimes(json, nodes);
  json.End().End();
  return std::move(json).Take();
}

}  // namespace

absl::StatusOr<std::string> NodesPage(ApiContext& context, const Query& query) {
  ELDR_RETURN_IF_ERROR(query.CheckKnown({"model", "page_size", "page_token"}));
  v1::ListNodesRequest request;
  if (!query.Text("model").empty()) {
    ELDR_ASSIGN_OR_RETURN(*request.mutable_model(), ModelOf(context, query));
  }
  ELDR_ASSIGN_OR_RETURN(const auto page_size, query.Number("page_size", 0, UINT32_MAX));
  request.set_page_size(static_cast<std::uint32_t>(page_size.value_or(0)));
  request.set_page_token(std::string(query.Text("page_token")));
  v1::ListNodesResponse response;
  ELDR_RETURN_IF_ERROR(ListNodes(context.service, request, &response));
  return ProtoJson(response);
}

absl::StatusOr<std::string> FleetPage(ApiContext& context, const Query& query) {
  ELDR_RETURN_IF_ERROR(query.CheckKnown({"model"}));
  ELDR_ASSIGN_OR_RETURN(const std::string model, ModelOf(context, query));
  return SharedFleet(context, model);
}

absl::StatusOr<std::string> SharedFleet(ApiContext& context, const std::string& model) {
  return context.shared.Get("fleet " + model, [&] { return MakeFleet(context, model); });
}

}  // namespace eldr
