#include "server/event_log.h"

#include <string>

#include "core/base/status_macros.h"
#include "server/fleet_convert.h"
#include "server/placement_convert.h"
#include "server/proto_convert.h"

namespace eldr {
namespace {

void FillLease(absl::string_view model, const Lease& lease, v1::LeaseEvent* event) {
  event->set_model(std::string(model));
  event->set_request_id(lease.request_id);
  event->set_node_id(lease.node->spec.node_id);
  event->set_sequences(lease.sequences);
  event->set_context_tokens(lease.context_tokens);
}

}  // namespace

absl::StatusOr<std::unique_ptr<EventLog>> EventLog::Open(const EventLogConfig& config,
                                                         const Router& router, const Clock& clock,
                                                         Log& log) {
  std::unique_ptr<EventLog> events(new EventLog(router, clock));
  ELDR_ASSIGN_OR_RETURN(
      events->files_, RecordFiles::Open({.key = "event_log.directory",
                                         .directory = config.directory,
                                         .prefix = "events-",
                                         .suffix = ".eldrevt",
                                         .magic = kMagic,
                                         .file_bytes = config.file_bytes,
                                         .max_bytes = config.max_bytes,
                                         .head = [log = events.get()] { return log->Snapshot(); }},
                                        log));
  return events;
}

v1::EventRecord EventLog::Now() const {
  v1::EventRecord record;
  ToProto(clock_.Wall(), record.mutable_time());
  return record;
}

std::string EventLog::Snapshot() const {
  std::string records;
  for (const ModelDescription& model : router_.ListModels()) {
    v1::EventRecord record = Now();
    ToProto(model.spec, record.mutable_model_declared());
    RecordFiles::AppendTo(record, records);
  }
  const absl::StatusOr<std::vector<NodeStatus>> nodes = router_.ListNodes("");
  if (!nodes.ok()) return records;
  for (const NodeStatus& node : *nodes) {
    v1::EventRecord registered = Now();
    ToProto(node.spec, registered.mutable_node_registered());
    RecordFiles::AppendTo(registered, records);
    v1::EventRecord state = Now();
    state.mutable_node_state()->set_node_id(node.spec.node_id);
    state.mutable_node_state()->set_state(ToProto(node.state));
    state.mutable_node_state()->set_draining(node.draining);
    RecordFiles::AppendTo(state, records);
  }
  return records;
}

void EventLog::OnModelDeclared(const ModelSpec& spec) {
  v1::EventRecord record = Now();
  ToProto(spec, record.mutable_model_declared());
  files_->Append(record);
}

void EventLog::OnNodeRegistered(const DecodeNode& node) {
  v1::EventRecord record = Now();
  ToProto(node.spec, record.mutable_node_registered());
  files_->Append(record);
}

void EventLog::OnNodeState(const DecodeNode& node) {
  v1::EventRecord record = Now();
  record.mutable_node_state()->set_node_id(node.spec.node_id);
  record.mutable_node_state()->set_state(ToProto(node.state));
  record.mutable_node_state()->set_draining(node.draining);
  files_->Append(record);
}

void EventLog::OnNodeRemoved(const DecodeNode& node) {
  v1::EventRecord record = Now();
  record.set_node_removed(node.spec.node_id);
  files_->Append(record);
}

void EventLog::OnPushed(const v1::PushSignatureRequest& push) {
  v1::EventRecord record = Now();
  *record.mutable_signature_pushed() = push;
  files_->Append(record);
}

void EventLog::OnPlaced(const v1::PlaceRequest& query, const Placement& placement) {
  if (placement.reason == PlacementReason::kExistingLease) return;
  v1::EventRecord record = Now();
  v1::PlacedEvent* const placed = record.mutable_placed();
  *placed->mutable_query() = query;
  placed->set_node_id(placement.node.node_id);
  placed->set_reason(ToProto(placement.reason));
  files_->Append(record);
}

void EventLog::OnLeaseAdopted(absl::string_view model, const Lease& lease) {
  v1::EventRecord record = Now();
  FillLease(model, lease, record.mutable_lease_adopted());
  files_->Append(record);
}

void EventLog::OnLeaseEnded(absl::string_view model, const Lease& lease, LeaseEnd end) {
  v1::EventRecord record = Now();
  FillLease(model, lease, record.mutable_lease_ended());
  record.mutable_lease_ended()->set_end(std::string(Name(end)));
  files_->Append(record);
}

void EventLog::OnHeartbeat(const v1::HeartbeatRequest& heartbeat) {
  v1::EventRecord record = Now();
  *record.mutable_heartbeat() = heartbeat;
  files_->Append(record);
}

}  // namespace eldr
