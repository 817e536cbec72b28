#include "client/ctl/node_table.h"

#include "absl/strings/str_cat.h"
#include "client/ctl/print.h"

namespace eldr::ctl {

std::string StateText(v1::NodeState state, bool draining) {
  return absl::StrCat(EnumText(v1::NodeState_Name(state), "NODE_STATE_"),
                      draining ? ", draining" : "");
}

void PrintNodes(const v1::ListNodesResponse& response, Printer out) {
  Table table({"NODE", "MODEL", "STATE", "ADDRESS", "LOAD", "LEASES", "RUNNING", "QUEUED",
               "KV_TOKENS", "KV_USAGE", "EXPERTS/LAYER", "STEP", "STEP_REPORTED", "HEARTBEAT",
               "NOT_BELIEVED"});
  for (const v1::Node& node : response.nodes()) {
    const v1::NodeSpec& spec = node.spec();
    const std::string rank = spec.has_dp_rank() ? absl::StrCat(" rank ", spec.dp_rank()) : "";
    const std::string capacity = spec.capacity() == 0 ? "" : absl::StrCat("/", spec.capacity());
    table.AddRow(
        {spec.node_id(), spec.model(), StateText(node.state(), node.draining()),
         absl::StrCat(spec.address(), rank), absl::StrCat(node.load()),
         absl::StrCat(node.leases(), capacity), absl::StrCat(node.reported_running()),
         absl::StrCat(node.reported_queued()), absl::StrCat(node.kv_tokens()),
         node.has_reported_kv_usage() ? NumberText(node.reported_kv_usage(), 2) : "",
         NumberText(node.expected_experts_per_layer(), 2),
         node.has_predicted_step_time() ? DurationText(node.predicted_step_time()) : "",
         node.has_reported_step_time() ? DurationText(node.reported_step_time()) : "",
         node.has_heartbeat_age() ? DurationText(node.heartbeat_age()) : "",
         node.reports_not_believed() == 0 ? "" : absl::StrCat(node.reports_not_believed())});
  }
  table.Print(out);
}

}  // namespace eldr::ctl
