// What has to be done so that the registered nodes are those that were discovered.
#ifndef ELDR_SERVER_DISCOVERY_NODE_PLAN_H_
#define ELDR_SERVER_DISCOVERY_NODE_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/base/clock.h"
#include "core/route/router.h"
#include "server/discovery/endpoint.h"

namespace eldr {

// Labels of discovered nodes. With a state_dir a later process finds by them which nodes are its
// own to drain and to remove.
inline constexpr absl::string_view kSourceLabel = "discovery";             // which source
inline constexpr absl::string_view kInstanceLabel = "discovery.instance";  // Endpoint::instance
// On nodes that discovery has drained, and that it may undrain: "not_ready" or "gone".
inline constexpr absl::string_view kDrainedLabel = "discovery.drained";

// Whether a node is discovery's: it has the label and sends no heartbeats of its own.
bool IsDiscovered(const NodeSpec& registered);

struct NodeAction {
  enum class Kind : std::uint8_t {
    kRegister,  // `spec`, new
    kUpdate,    // `spec`, for the particulars that changed
    kDrain,     // with `spec` registered before, for its label
    kUndrain,   // with `spec` registered after that
    kRemove,    // spec.node_id
  };
  Kind kind;
  NodeSpec spec;
};

// Pure: told what was found, what is registered and what time it is, it says what to do.
class NodePlan {
 public:
  struct Found {
    absl::string_view source;
    Endpoint endpoint;
  };
  struct View {
    // The first of those with one id counts.
    std::vector<Found> found;
    // Sources that have not told the whole of what they find: their nodes may be there still.
    std::set<std::string, std::less<>> incomplete;
    // All nodes of all models.
    std::vector<NodeStatus> nodes;
  };
  struct Counts {
    std::size_t own = 0;              // nodes that are discovery's
    std::size_t with_heartbeats = 0;  // endpoints whose node reports itself
    std::size_t taken = 0;            // endpoints whose id is another's
  };

  // How long after its end, or after it was found to have a reporter, a node is kept drained.
  explicit NodePlan(absl::Duration remove_after) : remove_after_(remove_after) {}

  // In the order in which they are to be done.
  std::vector<NodeAction> Next(const View& view, MonotonicTime now);

  Counts counts() const { return counts_; }
  // When Next() has something to do though nothing changes.
  MonotonicTime due() const { return due_; }

 private:
  struct Registered;

  void PlanEndpoint(const Found& found, Registered& registered, std::vector<NodeAction>& actions);
  void PlanGone(const NodeStatus& node, MonotonicTime now, std::vector<NodeAction>& actions);

  const absl::Duration remove_after_;
  std::map<std::string, MonotonicTime, std::less<>> gone_since_;  // by node id
  Counts counts_;
  MonotonicTime due_ = absl::InfiniteDuration();
};

}  // namespace eldr

#endif  // ELDR_SERVER_DISCOVERY_NODE_PLAN_H_
