#include "server/convert/fleet_convert.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/convert/proto_convert.h"

namespace eldr {
namespace {

// NaN compares as neither too small nor too large, so it is refused before any range is checked.
absl::Status CheckNumber(double number, absl::string_view field) {
  if (!std::isnan(number)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, ": got NaN, expected a number"));
}

absl::StatusOr<StepStats> StepsFromProto(const v1::StepStats& steps, const std::string& field) {
  StepStats stats;
  stats.max_batch = steps.max_batch();
  stats.steps = steps.steps();
  ELDR_ASSIGN_OR_RETURN(stats.total_duration,
                        FromProto(steps.total_duration(), field + ".total_duration"));
  ELDR_RETURN_IF_ERROR(CheckNumber(steps.mean_batch(), field + ".mean_batch"));
  stats.mean_batch = steps.mean_batch();
  if (steps.has_mean_context_tokens()) {
    ELDR_RETURN_IF_ERROR(CheckNumber(steps.mean_context_tokens(), field + ".mean_context_tokens"));
    stats.mean_context_tokens = steps.mean_context_tokens();
  }
  if (steps.has_mean_distinct_experts()) {
    ELDR_RETURN_IF_ERROR(
        CheckNumber(steps.mean_distinct_experts(), field + ".mean_distinct_experts"));
    stats.mean_distinct_experts = steps.mean_distinct_experts();
  }
  return stats;
}

}  // namespace

absl::StatusOr<NodeSpec> FromProto(const v1::NodeSpec& proto) {
  NodeSpec spec;
  spec.node_id = proto.node_id();
  spec.model = proto.model();
  spec.address = proto.address();
  if (proto.has_dp_rank()) spec.dp_rank = proto.dp_rank();
  spec.capacity = proto.capacity();
  spec.kv_capacity_tokens = proto.kv_capacity_tokens();
  spec.labels.insert(proto.labels().begin(), proto.labels().end());
  spec.expert_group = proto.expert_group();
  ELDR_ASSIGN_OR_RETURN(spec.heartbeat_interval,
                        FromProto(proto.heartbeat_interval(), "node.heartbeat_interval"));
  spec.tokens_per_step = proto.tokens_per_step() == 0 ? 1 : proto.tokens_per_step();
  spec.incarnation = proto.incarnation();
  return spec;
}

absl::StatusOr<NodeReport> FromProto(const v1::HeartbeatRequest& request,
                                     std::vector<StepStats>* steps) {
  NodeReport report;
  report.node_id = request.node_id();
  report.incarnation = request.incarnation();
  report.address = request.address();
  report.model = request.model();
  report.running = request.running();
  report.queued = request.queued();
  if (request.has_kv_usage()) {
    ELDR_RETURN_IF_ERROR(CheckNumber(request.kv_usage(), "kv_usage"));
    report.kv_usage = request.kv_usage();
  }
  ELDR_RETURN_IF_ERROR(CheckBatch("running_request_ids", request.running_request_ids_size()));
  ELDR_RETURN_IF_ERROR(CheckBatch("finished_request_ids", request.finished_request_ids_size()));
  ELDR_RETURN_IF_ERROR(CheckBatch("finished", request.finished_size()));
  steps->clear();
  for (int i = 0; i < request.steps_size(); ++i) {
    StepStats stats;
    ELDR_ASSIGN_OR_RETURN(stats, StepsFromProto(request.steps(i), absl::StrCat("steps[", i, "]")));
    steps->push_back(stats);
  }
  report.steps = *steps;
  report.running_request_ids = FromProto(request.running_request_ids());
  report.finished_request_ids = FromProto(request.finished_request_ids());
  report.finished.reserve(static_cast<std::size_t>(request.finished_size()));
  for (const v1::FinishedRequest& finished : request.finished()) {
    report.finished.push_back({finished.request_id(), finished.lease_id()});
  }
  report.complete_list = request.complete_list();
  return report;
}

void ToProto(const NodeSpec& spec, v1::NodeSpec* proto) {
  proto->set_node_id(spec.node_id);
  proto->set_model(spec.model);
  proto->set_address(spec.address);
  if (spec.dp_rank.has_value()) proto->set_dp_rank(*spec.dp_rank);
  proto->set_capacity(spec.capacity);
  proto->set_kv_capacity_tokens(spec.kv_capacity_tokens);
  proto->mutable_labels()->insert(spec.labels.begin(), spec.labels.end());
  proto->set_expert_group(spec.expert_group);
  ToProto(spec.heartbeat_interval, proto->mutable_heartbeat_interval());
  proto->set_tokens_per_step(spec.tokens_per_step);
  proto->set_incarnation(spec.incarnation);
}

v1::NodeState ToProto(NodeState state) {
  switch (state) {
    case NodeState::kJoining:
      return v1::NODE_STATE_JOINING;
    case NodeState::kReady:
      return v1::NODE_STATE_READY;
    case NodeState::kLost:
      return v1::NODE_STATE_LOST;
    case NodeState::kLostInPanic:
      return v1::NODE_STATE_LOST_IN_PANIC;
  }
  return v1::NODE_STATE_UNSPECIFIED;
}

void ToProto(const HeartbeatResult& result, v1::HeartbeatResponse* proto) {
  proto->set_state(ToProto(result.state));
  proto->set_draining(result.draining);
  proto->set_leases(result.leases);
  proto->set_confirm(result.confirm);
  proto->set_adopted(result.adopted);
  proto->set_unconfirmed(result.unconfirmed);
  proto->set_conflicts(result.conflicts);
  proto->set_not_adopted(result.not_adopted);
}

void ToProto(const NodeStatus& status, v1::Node* proto) {
  ToProto(status.spec, proto->mutable_spec());
  proto->set_state(ToProto(status.state));
  proto->set_draining(status.draining);
  proto->set_load(status.load);
  proto->set_leases(status.leases);
  proto->set_kv_tokens(status.kv_tokens);
  proto->set_reported_running(status.reported_running);
  proto->set_reported_queued(status.reported_queued);
  if (status.reported_kv_usage.has_value()) proto->set_reported_kv_usage(*status.reported_kv_usage);
  if (status.heartbeat_age.has_value()) {
    ToProto(*status.heartbeat_age, proto->mutable_heartbeat_age());
  }
  ToProto(status.register_time, proto->mutable_register_time());
  proto->set_expected_experts_per_layer(status.expected_experts_per_layer);
  if (status.predicted_step_time.has_value()) {
    ToProto(*status.predicted_step_time, proto->mutable_predicted_step_time());
  }
  if (status.reported_step_time.has_value()) {
    ToProto(*status.reported_step_time, proto->mutable_reported_step_time());
  }
  ToProto(status.step_time, proto->mutable_step_time());
  for (const std::uint64_t count : status.not_believed) {
    proto->set_reports_not_believed(proto->reports_not_believed() + count);
  }
}

void ToProto(const Residency& residency, v1::GetResidencyResponse* proto) {
  proto->set_model(residency.model);
  proto->set_expert_group(residency.expert_group);
  proto->set_layers(residency.geometry.layers);
  proto->set_experts(residency.geometry.experts);
  proto->mutable_activation()->Assign(residency.activation.begin(), residency.activation.end());
  proto->set_leases(residency.leases);
}

}  // namespace eldr
