#include "client/src/node_reports.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "client/src/proto_duration.h"

namespace eldr::client::internal {
namespace {

// Pauses after a refused registration: it may be refused for long, e.g. until the model is
// declared.
constexpr absl::Duration kFirstPause = absl::Seconds(1);
constexpr absl::Duration kLongestPause = absl::Seconds(30);
// What is to go at once still waits this long, so that no answer makes a node call without end.
constexpr absl::Duration kAtOnce = absl::Milliseconds(20);
// An answer that takes no longer than this is waited for, however short the interval.
constexpr absl::Duration kLeastPatience = absl::Seconds(1);

}  // namespace

absl::Status NodeReports::Check(const v1::NodeSpec& spec) {
  if (spec.incarnation() == 0) {
    return absl::InvalidArgumentError(
        "spec.incarnation is 0, expected a number that grows with every start of the node's "
        "process, e.g. its start time in milliseconds");
  }
  const absl::Duration interval = FromProto(spec.heartbeat_interval());
  if (interval <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "spec.heartbeat_interval is ", absl::FormatDuration(interval), ", expected more than 0"));
  }
  return absl::OkStatus();
}

NodeReports::NodeReports(v1::NodeSpec spec)
    : spec_(std::move(spec)),
      interval_(FromProto(spec_.heartbeat_interval())),
      pause_(kFirstPause) {}

absl::Duration NodeReports::patience() const { return std::max(interval_, kLeastPatience); }

void NodeReports::Drain() {
  drain_wanted_ = true;
  drain_due_ = -absl::InfiniteDuration();
}

void NodeReports::Undrain() {
  drain_wanted_ = false;
  drain_answered_ = false;
  drain_due_ = -absl::InfiniteDuration();
}

absl::Duration NodeReports::DueIn(absl::Duration now) const {
  if (status_.superseded) return absl::InfiniteDuration();
  absl::Duration due = due_;
  if (status_.registered && (DrainDue() || UndrainDue())) due = std::min(due, drain_due_);
  return std::max(due - now, absl::ZeroDuration());
}

NodeAct NodeReports::Next(absl::Duration now) const {
  if (DueIn(now) > absl::ZeroDuration()) return NodeAct::kNone;
  if (!status_.registered) return NodeAct::kRegister;
  if (DrainDue() && drain_due_ <= now) return NodeAct::kDrain;
  if (UndrainDue() && drain_due_ <= now) return NodeAct::kUndrain;
  return NodeAct::kBeat;
}

void NodeReports::Registered(const v1::RegisterNodeResponse& response, absl::Duration now) {
  if (response.has_node_timeout()) {
    // A daemon that gives no time at all is not called without end.
    interval_ = std::min(interval_, std::max(FromProto(response.node_timeout()) / 3, kAtOnce));
  }
  drain_answered_ = false;
  drained_by_us_ = false;
  drain_due_ = -absl::InfiniteDuration();
  heard_ = false;
  due_ = now;
  status_.registered = true;
  status_.draining = false;
  status_.empty = false;
  status_.state = response.state();
  status_.error = absl::OkStatus();
}

void NodeReports::Drained(const v1::DrainNodeResponse& response) {
  drain_answered_ = true;
  drained_by_us_ = !status_.draining;
  status_.draining = true;
  status_.empty = false;
  status_.leases = response.leases();
  status_.error = absl::OkStatus();
}

void NodeReports::Undrained(const v1::UndrainNodeResponse& response) {
  drained_by_us_ = false;
  status_.draining = false;
  status_.state = response.state();
  status_.error = absl::OkStatus();
}

void NodeReports::KeepFinished(NodeLoad& load) {
  std::vector<Finished> all = std::move(untold_finished_);
  for (std::string& id : load.finished_request_ids) all.emplace_back(std::move(id), 0);
  for (v1::FinishedRequest& one : load.finished) {
    all.emplace_back(std::move(*one.mutable_request_id()), one.lease_id());
  }
  // An id that is told as finished late may name a new request by now; a lease does not.
  const absl::flat_hash_set<std::string> running(load.running_request_ids.begin(),
                                                 load.running_request_ids.end());
  absl::flat_hash_set<Finished> seen;
  untold_finished_.clear();
  for (Finished& one : all) {
    if (one.second == 0 && running.contains(one.first)) continue;
    if (seen.insert(one).second) untold_finished_.push_back(std::move(one));
  }
}

v1::HeartbeatRequest NodeReports::Beat(NodeLoad load) {
  status_.load_error = absl::OkStatus();
  told_empty_ = load.running_request_ids.empty() && load.running == 0 && load.queued == 0;
  KeepFinished(load);
  untold_steps_ = MergeSteps(untold_steps_, load.steps);

  v1::HeartbeatRequest request;
  request.set_node_id(spec_.node_id());
  request.set_incarnation(spec_.incarnation());
  request.set_running(load.running);
  request.set_queued(load.queued);
  if (load.kv_usage) request.set_kv_usage(*load.kv_usage);
  const std::size_t buckets = std::min(untold_steps_.size(), kMaxHeartbeatBuckets);
  for (std::size_t i = 0; i < buckets; ++i) *request.add_steps() = untold_steps_[i];
  const std::size_t ids = std::min(load.running_request_ids.size(), kMaxHeartbeatIds);
  for (std::size_t i = 0; i < ids; ++i) {
    request.add_running_request_ids(std::move(load.running_request_ids[i]));
  }
  const std::size_t finished = std::min(untold_finished_.size(), kMaxHeartbeatIds);
  for (std::size_t i = 0; i < finished; ++i) {
    const auto& [id, lease] = untold_finished_[i];
    if (lease == 0) {
      request.add_finished_request_ids(id);
      continue;
    }
    v1::FinishedRequest& one = *request.add_finished();
    one.set_request_id(id);
    one.set_lease_id(lease);
  }
  // A list that does not fit is not complete: leases must not end for want of room.
  request.set_complete_list(load.complete_list && load.running_request_ids.size() == ids);
  return request;
}

void NodeReports::LoadUnknown(const absl::Status& why, absl::Duration now) {
  status_.load_error = why;
  due_ = now + interval_;
}

void NodeReports::Taken(const v1::HeartbeatRequest& request, const v1::HeartbeatResponse& response,
                        absl::Duration now) {
  status_.error = absl::OkStatus();
  // They are the first of the untold, in order.
  const auto told = request.finished_request_ids_size() + request.finished_size();
  untold_finished_.erase(untold_finished_.begin(), untold_finished_.begin() + told);
  untold_steps_.clear();
  status_.state = response.state();
  status_.draining = response.draining();
  status_.leases = response.leases();
  status_.empty = told_empty_;
  // The daemon asks for all that runs here; what did not fit this time goes at once too.
  const bool at_once = response.confirm() || !untold_finished_.empty();
  due_ = now + (at_once ? kAtOnce : interval_);
  pause_ = kFirstPause;
  heard_ = true;
}

void NodeReports::Failed(NodeAct act, const absl::Status& error, absl::Duration now) {
  status_.error = error;
  if (act == NodeAct::kRegister) {
    // A newer process has the id. All else may pass: the model may be declared yet.
    status_.superseded = absl::IsFailedPrecondition(error);
    BackOff(now);
  } else if (absl::IsNotFound(error) || absl::IsFailedPrecondition(error)) {
    // Not known, or by another incarnation: nothing of a heartbeat was counted.
    status_.registered = false;
    if (heard_) {
      due_ = now;
    } else {
      BackOff(now);  // it took the registration and does not know the node
    }
  } else if (act == NodeAct::kBeat) {
    // Whether its steps were counted is not known, and twice would be wrong; to finish a request
    // twice is harmless.
    untold_steps_.clear();
    due_ = now + interval_;
  } else {
    // A node may lack the right to: heartbeats go on, and tell whether it was drained.
    if (absl::IsPermissionDenied(error)) {
      drain_answered_ = act == NodeAct::kDrain;
      drained_by_us_ = false;
    }
    drain_due_ = now + interval_;
  }
}

void NodeReports::BackOff(absl::Duration now) {
  due_ = now + pause_;
  pause_ = std::min(pause_ * 2, kLongestPause);
}

}  // namespace eldr::client::internal
