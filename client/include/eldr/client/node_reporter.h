// Keeps a decode node known to the daemon: registers it, reports its load, drains and removes it.
#ifndef ELDR_CLIENT_NODE_REPORTER_H_
#define ELDR_CLIENT_NODE_REPORTER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "eldr/v1/fleet.pb.h"

namespace eldr::client {

class Client;

// What a node says of itself in one heartbeat.
struct NodeLoad {
  // Sequences in its running batch, and queued for it.
  uint32_t running = 0;
  uint32_t queued = 0;
  // The share of its KV memory in use, 0 to 1, if known.
  std::optional<double> kv_usage;
  // Requests that run or queue on it. `complete_list`: all of them, so that the daemon can put its
  // books right.
  std::vector<std::string> running_request_ids;
  bool complete_list = false;
  // Requests that finished, and decode steps, since the last time it was asked. A request whose
  // lease the node was told of is named with it in `finished`, else by its id.
  std::vector<std::string> finished_request_ids;
  std::vector<v1::FinishedRequest> finished;
  std::vector<v1::StepStats> steps;
};

// How a node stands with the daemon.
struct NodeStatus {
  bool registered = false;
  // The state in the last answer, and whether it is drained, by an operator or by itself.
  v1::NodeState state = v1::NODE_STATE_UNSPECIFIED;
  bool draining = false;
  // Leases that it holds by the daemon's count.
  uint32_t leases = 0;
  // The last heartbeat that was taken told that nothing runs or queues. Not so after a drain until
  // the next heartbeat.
  bool empty = false;
  // A newer process has taken the node's id: this one should end. Nothing is reported any more.
  bool superseded = false;
  // What the last call ran into; OK if it succeeded.
  absl::Status error;
  // Why heartbeats are left out: what the load's source answered; OK if it knows the load.
  absl::Status load_error;
};

struct NodeReporterOptions {
  // Heartbeats go over a stream, or each as a call of its own.
  bool stream = true;
  // A monotonic clock, callable from any thread; null: the machine's.
  std::function<absl::Duration()> now = nullptr;
  // Called after a round that changed more of the status than its numbers; by whoever runs the
  // round, which goes on only then. It must neither run a round nor end the reporter.
  std::function<void(const NodeStatus&)> on_change = nullptr;
};

// Reports one node.
//
//   v1::NodeSpec spec;   // its id, model, address; an incarnation and a heartbeat_interval
//   auto reporter = NodeReporter::Create(client, spec, [&] { return engine.Load(); });
//   (*reporter)->Start();
//   ... serve ...
//   (*reporter)->Drain();
//   (*reporter)->WaitUntilEmpty(absl::Seconds(30));
//   (*reporter)->Leave();
//
// Registers the node, and again whenever the daemon does not know it (it restarted, or the node was
// removed); heartbeats at the spec's interval, or faster if the daemon's node_timeout asks for it,
// and at once when the daemon asks to confirm what runs. What finished and was not told yet is told
// in a later heartbeat. Steps whose heartbeat may or may not have been taken are dropped.
//
// Thread-safe. The client must outlive it.
class NodeReporter {
 public:
  // Asked for each heartbeat, by whoever runs the round. An error leaves the heartbeat out: a node
  // whose load stays unknown for the daemon's node_timeout is lost.
  using LoadSource = std::function<absl::StatusOr<NodeLoad>()>;

  // INVALID_ARGUMENT if the spec has no incarnation or no heartbeat interval.
  static absl::StatusOr<std::unique_ptr<NodeReporter>> Create(Client& client, v1::NodeSpec spec,
                                                              LoadSource load,
                                                              NodeReporterOptions options = {});
  // Leaves, its error ignored, unless Leave() or Stop() was called.
  ~NodeReporter();
  NodeReporter(const NodeReporter&) = delete;
  NodeReporter& operator=(const NodeReporter&) = delete;

  // One act: registers, drains or heartbeats, whichever is due; nothing if none is. Never fails for
  // what the daemon or the network does: see status(). Returns how long to wait before the next;
  // InfiniteDuration() once superseded or stopped.
  absl::Duration Step();

  // Runs rounds in a thread until Leave() or Stop().
  void Start();

  // The node takes no new placements from the next round on, which is at once.
  void Drain();
  // Ends what Drain() began. A drain that was there before, by an operator, stays.
  void Undrain();

  // Waits until a heartbeat told that nothing runs or queues. False: not within `timeout`. Needs
  // Start().
  bool WaitUntilEmpty(absl::Duration timeout);

  // Stops reporting, and removes the node, whose leases then end; OK if it is not registered or
  // superseded. Where a node may not remove itself, its silence makes it lost after the daemon's
  // node_timeout.
  absl::Status Leave();
  // Stops reporting. The node stays until it is lost.
  void Stop();

  NodeStatus status() const;

 private:
  struct State;  // keeps the rules out of what is installed
  explicit NodeReporter(std::unique_ptr<State> state);

  const std::unique_ptr<State> state_;
};

}  // namespace eldr::client

#endif  // ELDR_CLIENT_NODE_REPORTER_H_
