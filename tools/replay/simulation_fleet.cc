// What happens to nodes: heartbeats, joins, drains and crashes.
#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "tools/replay/simulation.h"

namespace eldr::replay {
namespace {

// How long the first of the waiting may wait while every node is idle: a backend that places
// nothing must not keep the replay going forever.
constexpr absl::Duration kLongestIdleWait = absl::Seconds(60);

}  // namespace

absl::Status Simulation::AddNode(std::string id, const NodeShape& shape,
                                 absl::Duration first_heartbeat) {
  NodeSpec spec;
  spec.node_id = id;
  spec.address = absl::StrCat("simulated:", nodes_.size());
  spec.capacity = shape.capacity;
  spec.kv_capacity_tokens = shape.kv_capacity;
  spec.heartbeat_interval = options_.heartbeat_interval;
  spec.incarnation = 1;
  if (!node_index_.emplace(id, nodes_.size()).second) {
    return absl::InvalidArgumentError(
        absl::StrCat("events: a node joins as \"", id, "\": expected an id that was never taken"));
  }
  const std::size_t index = nodes_.size();
  nodes_.emplace_back(std::move(id), shape.speed);
  ELDR_RETURN_IF_ERROR(backend_.RegisterNode(now_, spec));
  ELDR_RETURN_IF_ERROR(backend_.Heartbeat(now_, nodes_[index].TakeReport()));
  Plan(now_ + first_heartbeat, EventKind::kHeartbeat, index);
  return absl::OkStatus();
}

absl::Status Simulation::OnHeartbeat(std::size_t index) {
  SimulatedNode& node = nodes_[index];
  if (node.gone()) return absl::OkStatus();
  Plan(now_ + options_.heartbeat_interval, EventKind::kHeartbeat, index);
  if (options_.heartbeat_delay > absl::ZeroDuration()) {
    delayed_reports_.emplace_back(node.TakeReport());
    Plan(now_ + options_.heartbeat_delay, EventKind::kReportDelivery);
  } else {
    ELDR_RETURN_IF_ERROR(backend_.Heartbeat(now_, node.TakeReport()));
  }
  ELDR_RETURN_IF_ERROR(PlaceWaiting());
  return CheckIdle();
}

absl::Status Simulation::OnReportDelivery() {
  const DelayedReport delayed = std::move(delayed_reports_.front());
  delayed_reports_.pop_front();
  if (nodes_[node_index_.at(delayed.node_id())].gone()) return absl::OkStatus();
  return backend_.Heartbeat(now_, delayed.Report());
}

absl::Status Simulation::CheckIdle() const {
  if (waiting_.empty() || now_ - waiting_.front()->arrival <= kLongestIdleWait) {
    return absl::OkStatus();
  }
  for (const SimulatedNode& node : nodes_) {
    if (!node.gone() && node.load() > 0) return absl::OkStatus();
  }
  return absl::UnavailableError(absl::StrCat("request \"", waiting_.front()->id, "\" waits since ",
                                             absl::FormatDuration(waiting_.front()->arrival),
                                             " though every node is idle"));
}

absl::Status Simulation::OnFleetEvent(const FleetEvent& event) {
  if (event.kind == FleetEvent::Kind::kJoin) {
    ELDR_RETURN_IF_ERROR(AddNode(event.node_id, event.shape, options_.heartbeat_interval));
    return PlaceWaiting();
  }
  const auto found = node_index_.find(event.node_id);
  if (found == node_index_.end() || nodes_[found->second].gone()) {
    return absl::InvalidArgumentError(absl::StrCat("events: at ", absl::FormatDuration(event.time),
                                                   ": node \"", event.node_id,
                                                   "\": expected one that is in the fleet then"));
  }
  SimulatedNode& node = nodes_[found->second];
  switch (event.kind) {
    case FleetEvent::Kind::kJoin:
      break;
    case FleetEvent::Kind::kLeave:
      node.set_state(SimulatedNode::State::kLeaving);
      ELDR_RETURN_IF_ERROR(backend_.DrainNode(now_, node.id()));
      return RemoveIfLeft(node);
    case FleetEvent::Kind::kDrain:
      node.set_state(SimulatedNode::State::kDraining);
      return backend_.DrainNode(now_, node.id());
    case FleetEvent::Kind::kUndrain:
      node.set_state(SimulatedNode::State::kServing);
      ELDR_RETURN_IF_ERROR(backend_.UndrainNode(now_, node.id()));
      return PlaceWaiting();
    case FleetEvent::Kind::kCrash:
      return Crash(node);
    case FleetEvent::Kind::kLimp:
      node.set_speed(event.shape.speed);
      break;
  }
  return absl::OkStatus();
}

// The router is not told: it learns of the loss when the heartbeats stay away. Until then the
// frontends are sent there in vain.
absl::Status Simulation::Crash(SimulatedNode& node) {
  SimulatedNode::Requests lost = node.Crash();
  for (std::unique_ptr<LiveRequest>& request : lost) {
    measurements_.OnLost(*request);
    request->failed_nodes.push_back(node.id());
    // Its prompt runs through prefill again, which pushes its signature again.
    if (request->signature == SignatureFate::kInTime) {
      Arrival again;
      again.trace_request = request->trace_index;
      again.first_decode_row = request->first_decode_row;
      again.output_tokens = request->output_tokens;
      ELDR_RETURN_IF_ERROR(PushSignature(request->id, again));
    }
    waiting_.push_back(std::move(request));
  }
  std::stable_sort(waiting_.begin(), waiting_.end(),
                   [](const std::unique_ptr<LiveRequest>& a,
                      const std::unique_ptr<LiveRequest>& b) { return a->arrival < b->arrival; });
  return PlaceWaiting();
}

absl::Status Simulation::RemoveIfLeft(SimulatedNode& node) {
  if (node.state() != SimulatedNode::State::kLeaving || node.load() > 0) return absl::OkStatus();
  node.set_state(SimulatedNode::State::kGone);
  return backend_.RemoveNode(now_, node.id());
}

}  // namespace eldr::replay
