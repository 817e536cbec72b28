#include "server/record/event_log.h"

#include <string>

#include "core/base/status_macros.h"
#include "server/convert/fleet_convert.h"
#include "server/convert/placement_convert.h"
#include "server/convert/proto_convert.h"
#include "server/record/record_stream.h"

namespace eldr {
namespace {

void FillLease(absl::string_view model, const Lease& lease, storage::v1::LeaseEvent* event) {
  event->set_model(std::string(model));
  event->set_request_id(lease.request_id);
  event->set_node_id(lease.node->spec.node_id);
  event->set_sequences(lease.sequences);
  event->set_context_tokens(lease.context_tokens);
}

}  // namespace

absl::StatusOr<std::unique_ptr<EventLog>> EventLog::Open(const EventLogConfig& config,
                                                         const Router& router, const Clock& clock,
                                                         Log& log, FileSystem& files) {
  std::unique_ptr<EventLog> events(new EventLog(router, clock, config.file_bytes / 4));
  ELDR_ASSIGN_OR_RETURN(
      events->files_, RecordFiles::Open({.key = "event_log.directory",
                                         .directory = config.directory,
                                         .prefix = "events-",
                                         .suffix = ".eldrevt",
                                         .magic = kMagic,
                                         .file_bytes = config.file_bytes,
                                         .max_bytes = config.max_bytes,
                                         .head = [log = events.get()] { return log->Snapshot(); }},
                                        log, files));
  return events;
}

storage::v1::EventRecord EventLog::Now() const {
  storage::v1::EventRecord record;
  ToProto(clock_.Wall(), record.mutable_time());
  return record;
}

storage::v1::EventRecord EventLog::RecordOf(const ModelSpec& spec) const {
  storage::v1::EventRecord record = Now();
  ToProto(spec, record.mutable_model_declared());
  return record;
}

storage::v1::EventRecord EventLog::RecordOf(const NodeSpec& spec) const {
  storage::v1::EventRecord record = Now();
  ToProto(spec, record.mutable_node_registered());
  return record;
}

template <typename Node>
storage::v1::EventRecord EventLog::StateOf(const Node& node) const {
  storage::v1::EventRecord record = Now();
  record.mutable_node_state()->set_node_id(node.spec.node_id);
  record.mutable_node_state()->set_state(ToProto(node.state));
  record.mutable_node_state()->set_draining(node.draining);
  return record;
}

std::string EventLog::Snapshot() const {
  std::string records;
  for (const ModelDescription& model : router_.ListModels()) {
    AppendRecord(RecordOf(model.spec), records);
  }
  const absl::StatusOr<std::vector<NodeStatus>> nodes = router_.ListNodes("");
  if (!nodes.ok()) return records;
  for (const NodeStatus& node : *nodes) {
    AppendRecord(RecordOf(node.spec), records);
    AppendRecord(StateOf(node), records);
  }
  for (const ModelDescription& model : router_.ListModels()) {
    AppendLeases(model.spec.name, records);
  }
  return records;
}

void EventLog::AppendLeases(const std::string& model, std::string& records) const {
  const absl::StatusOr<ModelRecord> copy = router_.CopyModel(model);
  if (!copy.ok()) return;
  storage::v1::EventRecord record = Now();
  for (const LeaseRecord& lease : copy->leases) {
    if (records.size() >= snapshot_bytes_) return;
    storage::v1::LeaseEvent* const held = record.mutable_lease_held();
    held->set_model(model);
    held->set_request_id(lease.request_id);
    held->set_node_id(lease.node_id);
    held->set_sequences(lease.sequences);
    held->set_context_tokens(lease.context_tokens);
    AppendRecord(record, records);
  }
}

void EventLog::OnModelDeclared(const ModelSpec& spec) { files_->Append(RecordOf(spec)); }

void EventLog::OnNodeRegistered(const DecodeNode& node) { files_->Append(RecordOf(node.spec)); }

void EventLog::OnNodeState(const DecodeNode& node) { files_->Append(StateOf(node)); }

void EventLog::OnNodeRemoved(const DecodeNode& node) {
  storage::v1::EventRecord record = Now();
  record.set_node_removed(node.spec.node_id);
  files_->Append(record);
}

void EventLog::OnPushed(const v1::PushSignatureRequest& push) {
  storage::v1::EventRecord record = Now();
  *record.mutable_signature_pushed() = push;
  files_->Append(record);
}

void EventLog::OnLeasePlaced(const Lease& lease) {
  const Placing placing = {files_->Reserve(), clock_.Wall()};
  MutexLock lock(mutex_);
  placing_[lease.id] = placing;
}

void EventLog::OnPlaced(const v1::PlaceRequest& query, const Placement& placement,
                        absl::string_view trace_id) {
  if (placement.reason == PlacementReason::kExistingLease) return;
  Placing placing{};
  {
    MutexLock lock(mutex_);
    const auto it = placing_.find(placement.lease_id);
    if (it == placing_.end()) return;
    placing = it->second;
    placing_.erase(it);
  }
  storage::v1::EventRecord record;
  ToProto(placing.time, record.mutable_time());
  storage::v1::PlacedEvent* const placed = record.mutable_placed();
  *placed->mutable_query() = query;
  placed->set_node_id(std::string(placement.node.node_id));
  placed->set_reason(ToProto(placement.reason));
  placed->set_trace_id(std::string(trace_id));
  files_->Fill(placing.place, record);
}

void EventLog::OnLeaseAdopted(absl::string_view model, const Lease& lease) {
  storage::v1::EventRecord record = Now();
  FillLease(model, lease, record.mutable_lease_adopted());
  files_->Append(record);
}

void EventLog::OnLeaseEnded(absl::string_view model, const Lease& lease, LeaseEnd end) {
  storage::v1::EventRecord record = Now();
  FillLease(model, lease, record.mutable_lease_ended());
  record.mutable_lease_ended()->set_end(std::string(Name(end)));
  files_->Append(record);
}

void EventLog::OnHeartbeat(const v1::HeartbeatRequest& heartbeat) {
  storage::v1::EventRecord record = Now();
  *record.mutable_heartbeat() = heartbeat;
  files_->Append(record);
}

}  // namespace eldr
