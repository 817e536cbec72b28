// The event log: what the daemon was told and what it decided (proto/eldr/storage/v1/event.proto).
#ifndef ELDR_SERVER_RECORD_EVENT_LOG_H_
#define ELDR_SERVER_RECORD_EVENT_LOG_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/base/clock.h"
#include "core/base/file_system.h"
#include "core/base/mutex.h"
#include "core/route/router.h"
#include "eldr/storage/v1/event.pb.h"
#include "server/base/log.h"
#include "server/config/config.h"
#include "server/record/record_files.h"

namespace eldr {

// Each call records one event. Thread-safe; may be called under the lock of a model.
class EventLog {
 public:
  // INVALID_ARGUMENT, naming event_log.directory, if it cannot be written to. References must
  // outlive the object.
  static absl::StatusOr<std::unique_ptr<EventLog>> Open(const EventLogConfig& config,
                                                        const Router& router, const Clock& clock,
                                                        Log& log,
                                                        FileSystem& files = RealFileSystem());

  void OnModelDeclared(const ModelSpec& spec);
  void OnNodeRegistered(const DecodeNode& node);
  void OnNodeState(const DecodeNode& node);
  void OnNodeRemoved(const DecodeNode& node);
  void OnPushed(const v1::PushSignatureRequest& push);
  // A request was placed; what was asked follows by OnPlaced(). Call it under the model's lock, so
  // that the placement stands before whatever happens to its lease.
  void OnLeasePlaced(const Lease& lease);
  // Only of new placements: renewals decide nothing.
  void OnPlaced(const v1::PlaceRequest& query, const Placement& placement,
                absl::string_view trace_id);
  void OnLeaseAdopted(absl::string_view model, const Lease& lease);
  void OnLeaseEnded(absl::string_view model, const Lease& lease, LeaseEnd end);
  void OnHeartbeat(const v1::HeartbeatRequest& heartbeat);

  void Flush() { files_->Flush(); }
  RecordFiles::Counts counts() const { return files_->counts(); }

  static constexpr char kMagic[] = "ELDREVT1";

 private:
  EventLog(const Router& router, const Clock& clock, std::uint64_t snapshot_bytes)
      : router_(router), clock_(clock), snapshot_bytes_(snapshot_bytes) {}
  storage::v1::EventRecord Now() const;
  storage::v1::EventRecord RecordOf(const ModelSpec& spec) const;
  storage::v1::EventRecord RecordOf(const NodeSpec& spec) const;
  // Of a DecodeNode or a NodeStatus.
  template <typename Node>
  storage::v1::EventRecord StateOf(const Node& node) const;
  // What is there, as the first records of a file.
  std::string Snapshot() const;
  void AppendLeases(const std::string& model, std::string& records) const;

  const Router& router_;
  const Clock& clock_;
  // No lease is added to a snapshot that is larger.
  const std::uint64_t snapshot_bytes_;
  std::unique_ptr<RecordFiles> files_;

  // A placement that is not described yet.
  struct Placing {
    RecordQueue::Place place;
    absl::Time time;
  };
  Mutex mutex_;
  absl::flat_hash_map<std::uint64_t, Placing> placing_ ABSL_GUARDED_BY(mutex_);  // by lease id
};

}  // namespace eldr

#endif  // ELDR_SERVER_RECORD_EVENT_LOG_H_
