// The state of a running replay; see replay.h.
#ifndef ELDR_TOOLS_REPLAY_SIMULATION_H_
#define ELDR_TOOLS_REPLAY_SIMULATION_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "tools/replay/delayed_report.h"
#include "tools/replay/expert_rows.h"
#include "tools/replay/measurements.h"
#include "tools/replay/replay.h"
#include "tools/replay/simulated_node.h"

namespace eldr::replay {

class Simulation {
 public:
  // All must outlive it. REQUIRES: valid options.
  Simulation(const Trace& trace, const ReplayOptions& options, ArrivalSource& arrivals,
             PlacementBackend& backend);

  // Called once.
  absl::StatusOr<ReplayResult> Run(OnProgress on_progress);

 private:
  enum class EventKind : std::uint8_t {
    kArrival,
    kStepEnd,
    kHeartbeat,
    kReportDelivery,
    kTransferEnd,
    kLateSignature,
    kFleet,
    kProgress,
  };
  struct Event {
    MonotonicTime time;
    std::uint64_t order = 0;  // breaks ties: first planned, first run
    EventKind kind = EventKind::kArrival;
    std::size_t index = 0;  // of the node, or of the fleet event

    friend bool operator>(const Event& a, const Event& b) {
      return a.time != b.time ? a.time > b.time : a.order > b.order;
    }
  };
  struct LateSignature {
    std::string request_id;
    Arrival arrival;
  };

  bool Done() const;
  ReplayProgress Progress() const;
  void Plan(MonotonicTime time, EventKind kind, std::size_t index = 0);
  absl::Status Start();
  absl::Status Handle(const Event& event, OnProgress on_progress);

  absl::Status OnArrival();
  absl::Status OnLateSignature();
  absl::Status PushSignature(absl::string_view request_id, const Arrival& arrival);
  absl::Status PlaceWaiting();
  // The index of the node that will run it; nodes_.size() if none can now.
  absl::StatusOr<std::size_t> Place(LiveRequest& request);
  absl::Status BeginStep(std::size_t index);
  absl::Status OnStepEnd(std::size_t index);
  Step StepOf(const SimulatedNode& node);

  // simulation_fleet.cc
  absl::Status AddNode(std::string id, const NodeShape& shape, absl::Duration first_heartbeat);
  absl::Status OnHeartbeat(std::size_t index);
  absl::Status OnReportDelivery();
  absl::Status CheckIdle() const;
  absl::Status OnFleetEvent(const FleetEvent& event);
  absl::Status Crash(SimulatedNode& node);
  absl::Status RemoveIfLeft(SimulatedNode& node);

  const Trace& trace_;
  const ReplayOptions& options_;
  ArrivalSource& arrivals_;
  PlacementBackend& backend_;

  MonotonicTime now_;
  std::priority_queue<Event, std::vector<Event>, std::greater<Event>> events_;
  std::uint64_t next_order_ = 0;
  Arrival next_arrival_;
  std::vector<SimulatedNode> nodes_;  // those that are gone stay, so that indices stay valid
  absl::flat_hash_map<std::string, std::size_t> node_index_;
  std::deque<std::unique_ptr<LiveRequest>> waiting_;
  std::deque<LateSignature> late_signatures_;
  absl::flat_hash_set<std::string> live_without_signature_;
  std::deque<DelayedReport> delayed_reports_;

  StepUnion step_union_;
  std::vector<std::size_t> batch_rows_;  // kept to save the allocation
  Measurements measurements_;
};

}  // namespace eldr::replay

#endif  // ELDR_TOOLS_REPLAY_SIMULATION_H_
