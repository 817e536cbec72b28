#include "tools/replay/grpc_backend.h"

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "tools/replay/file_contents.h"
#include "tools/replay/signature_proto.h"

namespace eldr::replay {
namespace {

// More than any pause of a reporter: what the replay wants to tell is due when it does.
constexpr absl::Duration kAlwaysDue = absl::Hours(1);

void SetDuration(absl::Duration duration, google::protobuf::Duration& proto) {
  const std::int64_t seconds = absl::IDivDuration(duration, absl::Seconds(1), &duration);
  proto.set_seconds(seconds);
  proto.set_nanos(static_cast<std::int32_t>(absl::ToInt64Nanoseconds(duration)));
}

void SetStepStats(const StepStats& stats, v1::StepStats& proto) {
  proto.set_max_batch(stats.max_batch);
  proto.set_steps(stats.steps);
  SetDuration(stats.total_duration, *proto.mutable_total_duration());
  proto.set_mean_batch(stats.mean_batch);
  if (stats.mean_context_tokens.has_value()) {
    proto.set_mean_context_tokens(*stats.mean_context_tokens);
  }
  if (stats.mean_distinct_experts.has_value()) {
    proto.set_mean_distinct_experts(*stats.mean_distinct_experts);
  }
}

// The error of a call, if it is one, with the call's name and subject.
absl::Status Annotated(const absl::Status& status, absl::string_view call,
                       absl::string_view subject) {
  if (status.ok()) return status;
  return Annotate(status, absl::StrCat(call, " \"", subject, "\""));
}

template <typename Response>
absl::Status StatusOf(const absl::StatusOr<Response>& response, absl::string_view call,
                      absl::string_view subject) {
  return Annotated(response.status(), call, subject);
}

}  // namespace

GrpcBackend::~GrpcBackend() {
  for (auto& [node_id, node] : nodes_) {
    if (node.reporter != nullptr) node.reporter->Stop();
  }
}

absl::Status GrpcBackend::Act(Node& node, absl::string_view act, absl::string_view node_id) {
  ++calls_;
  node.now += kAlwaysDue;
  node.reporter->Step();
  // Told once.
  node.load.steps.clear();
  node.load.finished_request_ids.clear();
  return Annotated(node.reporter->status().error, act, node_id);
}

absl::Status GrpcBackend::RegisterNode(MonotonicTime, const NodeSpec& node) {
  v1::NodeSpec spec;
  spec.set_node_id(node.node_id);
  spec.set_model(model_);
  spec.set_address(node.address);
  if (node.dp_rank.has_value()) spec.set_dp_rank(*node.dp_rank);
  spec.set_capacity(node.capacity);
  spec.set_kv_capacity_tokens(node.kv_capacity_tokens);
  for (const auto& [key, value] : node.labels) (*spec.mutable_labels())[key] = value;
  spec.set_expert_group(node.expert_group);
  SetDuration(node.heartbeat_interval, *spec.mutable_heartbeat_interval());
  spec.set_tokens_per_step(node.tokens_per_step);
  spec.set_incarnation(node.incarnation);
  Node& own = nodes_[node.node_id];
  ELDR_ASSIGN_OR_RETURN(
      own.reporter,
      client::NodeReporter::Create(
          client_, spec, [&own]() -> absl::StatusOr<client::NodeLoad> { return own.load; },
          {.stream = false, .now = [&own] { return own.now; }}));
  return Act(own, "register node", node.node_id);
}

absl::Status GrpcBackend::PushSignature(MonotonicTime, absl::string_view request_id,
                                        const SignatureData& signature) {
  v1::PushSignatureRequest request;
  request.set_model(model_);
  request.set_request_id(std::string(request_id));
  request.set_prefill_worker("replay");
  SignatureToProto(signature, *request.mutable_signature());
  ++calls_;
  return StatusOf(client_.PushSignature(request), "push signature", request_id);
}

absl::StatusOr<std::optional<std::string>> GrpcBackend::Place(MonotonicTime,
                                                              const PlaceQuery& query) {
  v1::PlaceRequest request;
  request.set_model(model_);
  request.set_request_id(std::string(query.request_id));
  request.set_context_tokens(query.context_tokens);
  if (query.max_output_tokens != 0) request.set_max_output_tokens(query.max_output_tokens);
  ++calls_;
  const absl::StatusOr<v1::PlaceResponse> placed = client_.Place(request);
  // No node is eligible, or all are full. A daemon that is gone answers UNAVAILABLE too; the next
  // heartbeat tells, since that must succeed.
  if (absl::IsResourceExhausted(placed.status()) || absl::IsUnavailable(placed.status())) {
    return std::nullopt;
  }
  if (!placed.ok()) return StatusOf(placed, "place", query.request_id);
  ++placements_;
  policy_ = placed->policy();
  return placed->node().node_id();
}

absl::Status GrpcBackend::Heartbeat(MonotonicTime, const NodeReport& report) {
  const auto found = nodes_.find(report.node_id);
  if (found == nodes_.end()) {
    return absl::NotFoundError(
        absl::StrCat("heartbeat of \"", report.node_id, "\": expected a node that was registered"));
  }
  client::NodeLoad& load = found->second.load;
  load.running = report.running;
  load.queued = report.queued;
  load.kv_usage = report.kv_usage;
  load.running_request_ids.clear();
  for (const std::string* id : report.running_request_ids) load.running_request_ids.push_back(*id);
  for (const StepStats& stats : report.steps) SetStepStats(stats, load.steps.emplace_back());
  for (const std::string* id : report.finished_request_ids) {
    load.finished_request_ids.push_back(*id);
  }
  return Act(found->second, "heartbeat of", report.node_id);
}

absl::Status GrpcBackend::Release(MonotonicTime, absl::string_view request_id,
                                  std::uint64_t output_tokens) {
  v1::ReleaseLeaseRequest request;
  request.mutable_lease()->set_model(model_);
  request.mutable_lease()->set_request_id(std::string(request_id));
  request.set_output_tokens(output_tokens);
  ++calls_;
  const absl::StatusOr<v1::ReleaseLeaseResponse> released = client_.ReleaseLease(request);
  if (released.ok() && released->outcome() != v1::LEASE_OUTCOME_DONE) {
    return absl::InternalError(absl::StrCat("release \"", request_id, "\": the daemon answered ",
                                            v1::LeaseOutcome_Name(released->outcome()),
                                            ", expected LEASE_OUTCOME_DONE"));
  }
  return StatusOf(released, "release", request_id);
}

absl::Status GrpcBackend::RepeatHeartbeats() {
  for (auto& [node_id, node] : nodes_) {
    ELDR_RETURN_IF_ERROR(Act(node, "heartbeat of", node_id));
  }
  return absl::OkStatus();
}

GrpcBackend::Running GrpcBackend::SomeRunning() const {
  for (const auto& [node_id, node] : nodes_) {
    if (node.load.running_request_ids.empty()) continue;
    return {node_id, node.load.running_request_ids.front()};
  }
  return {};
}

}  // namespace eldr::replay
