// Tells a node that died from a router that has gone deaf.
#ifndef ELDR_CORE_FLEET_SILENCE_WATCH_H_
#define ELDR_CORE_FLEET_SILENCE_WATCH_H_

#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/fleet/decode_node.h"

namespace eldr {

// A ready node that sends heartbeats is overdue when two of its intervals pass without one, and due
// to be lost when node_timeout does. But if more than half of those nodes are overdue when one is
// due, the fault is likely the router's own (its network, its clock, its load): the fleet is stale,
// and no node is lost until half of it is heard again. Silence is then counted anew.
//
// A restored node that this process has never heard is a mere record: it is lost when node_timeout
// passes since it was restored, whatever the others do, and its silence says nothing of the router.
//
// Not thread-safe.
class SilenceWatch {
 public:
  explicit SilenceWatch(absl::Duration node_timeout) : node_timeout_(node_timeout) {}

  // The nodes that are lost now, which the caller marks as such. Also updates stale().
  std::vector<DecodeNode*> Check(absl::Span<const std::unique_ptr<DecodeNode>> nodes,
                                 MonotonicTime now);

  // Check has nothing to find before this.
  MonotonicTime next_check() const { return next_check_; }
  // Asks for a Check by the time a node that was heard at `now` could be due.
  void NodeHeard(MonotonicTime now);

  bool stale() const { return stale_; }
  // True if the node's last report may be believed.
  bool ReportIsFresh(const DecodeNode& node, MonotonicTime now) const {
    return !stale_ && node.last_heartbeat && now - *node.last_heartbeat <= node_timeout_;
  }
  absl::Duration node_timeout() const { return node_timeout_; }

 private:
  const absl::Duration node_timeout_;
  bool stale_ = false;
  // When the fleet was last stale: silence before it says nothing of a node.
  MonotonicTime heard_again_ = -absl::InfiniteDuration();
  MonotonicTime next_check_ = absl::InfiniteDuration();
};

}  // namespace eldr

#endif  // ELDR_CORE_FLEET_SILENCE_WATCH_H_
