// Decode nodes: what they register, what they report, and what the router counts for them.
#ifndef ELDR_CORE_FLEET_DECODE_NODE_H_
#define ELDR_CORE_FLEET_DECODE_NODE_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/base/clock.h"
#include "core/step_time/step_stats.h"

namespace eldr {

// What a node registers; see NodeSpec in fleet.proto for ranges.
struct NodeSpec {
  std::string node_id;
  std::string model;
  std::string address;
  std::optional<std::uint32_t> dp_rank;
  std::uint32_t capacity = 0;            // most concurrent leases; 0: no limit
  std::uint64_t kv_capacity_tokens = 0;  // 0: no limit
  std::map<std::string, std::string> labels;
  std::string expert_group;                                  // empty: the node itself
  absl::Duration heartbeat_interval = absl::ZeroDuration();  // zero: sends none
  std::uint32_t tokens_per_step = 1;
  std::uint64_t incarnation = 0;

  // The group's name; a node of no named group is one of its own.
  const std::string& group_name() const { return expert_group.empty() ? node_id : expert_group; }
};

// A request that a node has finished; see FinishedRequest in fleet.proto.
struct FinishedRequest {
  absl::string_view request_id;
  std::uint64_t lease_id = 0;  // 0: not told
};

// A node's report on itself; borrowed, for the duration of a call.
struct NodeReport {
  absl::string_view node_id;
  std::uint64_t incarnation = 0;  // 0: not checked
  // Where it is reached and what it serves, as it registered; empty: not checked.
  absl::string_view address;
  absl::string_view model;
  std::uint32_t running = 0;  // sequences
  std::uint32_t queued = 0;
  std::optional<double> kv_usage;  // 0 to 1
  absl::Span<const StepStats> steps;
  absl::Span<const std::string* const> running_request_ids;
  absl::Span<const std::string* const> finished_request_ids;
  std::vector<FinishedRequest> finished;
  bool complete_list = false;  // running_request_ids are all that run or queue
};

enum class NodeState : std::uint8_t {
  kJoining,
  kReady,
  kLost,
  // Only told, never the state that a node is in: it is ready, and would be lost but for panic mode
  // (failure_detector.h).
  kLostInPanic,
};
absl::string_view Name(NodeState state);

// What a frontend needs to reach a node. Immutable, and shared with the answers that name the node,
// so that an answer outlives the node and its registration without a copy of any string.
struct NodeContact {
  std::string node_id;
  std::string address;
  std::optional<std::uint32_t> dp_rank;
};

struct ExpertGroup;
struct Lease;

// The process that another one took a node's id from.
struct DisplacedNode {
  std::string address;
  std::optional<std::uint32_t> dp_rank;
  std::uint64_t incarnation = 0;
};

// A registered node. Plain data under the lock of its model's router.
struct DecodeNode {
  NodeSpec spec;
  std::shared_ptr<const NodeContact> contact;  // of the spec; the Fleet keeps it so
  // Grows with every registration of the model: the stable order of nodes.
  std::uint64_t ordinal = 0;
  ExpertGroup* group = nullptr;  // outlives the node
  absl::Time register_time;

  NodeState state = NodeState::kJoining;
  bool draining = false;
  std::optional<MonotonicTime> last_heartbeat;
  // Since when no two heartbeats were far apart. Means nothing before the first.
  MonotonicTime heard_without_pause_since;
  // Since when it is joining or lost. Means nothing while it is ready.
  MonotonicTime absent_since;
  // Set while a ready node has yet to be heard, as it was restored from a former process of the
  // router, or said only now that it sends heartbeats: since when. Its next heartbeat confirms it.
  std::optional<MonotonicTime> restored_at;

  // The last report, and the sequences placed and ended since it came.
  std::uint32_t reported_running = 0;
  std::uint32_t reported_queued = 0;
  std::optional<double> reported_kv_usage;
  std::uint32_t placed_since_report = 0;
  std::uint32_t ended_since_report = 0;
  // The mean duration of the steps in the last report that had any.
  std::optional<absl::Duration> reported_step_time;
  // Reports of steps that were not believed, by cause, since it registered.
  std::array<std::uint64_t, kDisbeliefs> not_believed{};
  std::optional<DisplacedNode> displaced;

  // The leases on the node, in no order, and what they add up to.
  std::vector<Lease*> lease_list;
  std::uint32_t leases = 0;
  std::uint32_t sequences = 0;
  std::uint64_t kv_tokens = 0;
  std::uint64_t context_tokens = 0;

  // Its leases are ending in parts, and it is lost or removed with the last one: it takes no more.
  bool leaving = false;
  // What the query that is being decided says of this node; zero between decisions.
  std::uint8_t query_marks = 0;

  bool sends_heartbeats() const { return spec.heartbeat_interval > absl::ZeroDuration(); }

  // What was reported is of no use any more.
  void ForgetReports() {
    reported_running = 0;
    reported_queued = 0;
    reported_kv_usage.reset();
    reported_step_time.reset();
    placed_since_report = 0;
    ended_since_report = 0;
  }

  // Load B: the larger of own count and of the report, brought up to date by what was placed and
  // what ended since. Without the latter B would stand too high until the next report, and by
  // different amounts on different nodes. `report_is_fresh` false leaves the report out.
  std::uint32_t Load(bool report_is_fresh) const {
    if (!report_is_fresh) return sequences;
    const std::uint32_t known = reported_running + reported_queued + placed_since_report;
    return std::max(sequences, known - std::min(known, ended_since_report));
  }
};

}  // namespace eldr

#endif  // ELDR_CORE_FLEET_DECODE_NODE_H_
