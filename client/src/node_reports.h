// What a node has to tell and has not told yet, and when: the rules behind NodeReporter.
#ifndef ELDR_CLIENT_SRC_NODE_REPORTS_H_
#define ELDR_CLIENT_SRC_NODE_REPORTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "eldr/client/node_reporter.h"
#include "eldr/v1/fleet.pb.h"

namespace eldr::client::internal {

// What the daemon takes in one heartbeat.
inline constexpr std::size_t kMaxHeartbeatIds = 10'000;
inline constexpr std::size_t kMaxHeartbeatBuckets = 64;

enum class NodeAct { kNone, kRegister, kDrain, kUndrain, kBeat };

// Register, then a heartbeat each interval; anew when the daemon does not know the node. Neither
// calls nor waits. Each act that Next() names is answered by one of the calls below it. `now` is a
// reading of one monotonic clock. Not thread-safe.
class NodeReports {
 public:
  // INVALID_ARGUMENT if the spec has no incarnation or no heartbeat interval.
  static absl::Status Check(const v1::NodeSpec& spec);
  // REQUIRES: Check(spec) is OK.
  explicit NodeReports(v1::NodeSpec spec);

  // Asks the daemon, as the next act, for no more placements, or for placements again.
  void Drain();
  void Undrain();

  NodeAct Next(absl::Duration now) const;
  // Until the next act; infinite if there is none any more.
  absl::Duration DueIn(absl::Duration now) const;

  void Registered(const v1::RegisterNodeResponse& response, absl::Duration now);
  void Drained(const v1::DrainNodeResponse& response);
  void Undrained(const v1::UndrainNodeResponse& response);
  // The heartbeat to send, of what the source told just now.
  v1::HeartbeatRequest Beat(NodeLoad load);
  // Instead of a heartbeat: the source does not know.
  void LoadUnknown(const absl::Status& why, absl::Duration now);
  void Taken(const v1::HeartbeatRequest& request, const v1::HeartbeatResponse& response,
             absl::Duration now);
  void Failed(NodeAct act, const absl::Status& error, absl::Duration now);
  // The node was removed.
  void Left() { status_.registered = false; }

  const NodeStatus& status() const { return status_; }
  const v1::NodeSpec& spec() const { return spec_; }
  // How long the answer to a heartbeat may take.
  absl::Duration patience() const;

 private:
  // Adds what finished to what is not told yet.
  void KeepFinished(NodeLoad& load);
  bool DrainDue() const { return drain_wanted_ && !drain_answered_; }
  bool UndrainDue() const { return !drain_wanted_ && drained_by_us_; }
  void BackOff(absl::Duration now);

  const v1::NodeSpec spec_;
  absl::Duration interval_;
  // By id and lease, 0 if that is not known; in order, none twice.
  using Finished = std::pair<std::string, uint64_t>;
  std::vector<Finished> untold_finished_;
  std::vector<v1::StepStats> untold_steps_;
  absl::Duration due_ = -absl::InfiniteDuration();
  absl::Duration drain_due_ = -absl::InfiniteDuration();
  absl::Duration pause_;
  bool heard_ = false;  // a heartbeat was taken since the registration
  bool drain_wanted_ = false;
  bool drain_answered_ = false;  // drained, or told that it may not be
  bool drained_by_us_ = false;
  bool told_empty_ = false;  // what Beat() told last
  NodeStatus status_;
};

// Statistics of both spans, by rising batch; means are weighted by steps.
std::vector<v1::StepStats> MergeSteps(const std::vector<v1::StepStats>& kept,
                                      const std::vector<v1::StepStats>& more);

}  // namespace eldr::client::internal

#endif  // ELDR_CLIENT_SRC_NODE_REPORTS_H_
