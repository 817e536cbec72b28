// Tells a node that died from a router that has gone deaf.
#ifndef ELDR_CORE_FLEET_FAILURE_DETECTOR_H_
#define ELDR_CORE_FLEET_FAILURE_DETECTOR_H_

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/base/clock.h"
#include "core/fleet/decode_node.h"

namespace eldr {

// A ready node that sends heartbeats is lost when node_timeout passes without one. But if most of
// the fleet is silent when one would be lost, the fault may be the router's own (its network, its
// clock, its load). The fleet is then in panic mode: no node is lost, and all take placements as
// before. Panic mode ends when
//   - enough of the fleet is heard again; silence is then counted anew, or
//   - heartbeats prove that the router hears: one node was heard without a pause for as long as
//     those to be lost were silent. They are lost at once; so if some live on, there is no panic,
//   - or it has lasted for max_panic: those that are silent still are lost.
// However often it begins and ends, a node that is silent for max_panic and two node_timeouts is
// lost: in a fleet whose heartbeats are so sparse that half of it seems silent now and then, the
// dead would otherwise be kept for ever.
//
// Draining nodes do not count for or against panic: a fleet that shrinks is no fault. Their
// heartbeats prove as much as others'.
//
// A restored node that this process has never heard is a mere record: it is lost when node_timeout
// passes since it was restored, whatever the others do, and its silence says nothing of the router.
//
// Not thread-safe.
class FailureDetector {
 public:
  struct Options {
    absl::Duration node_timeout = absl::Seconds(10);
    // Panic begins when less than this share of the nodes is heard; 0 to 1, 0: never.
    double panic_threshold = 0.5;
    // The longest that panic mode lasts.
    absl::Duration max_panic = absl::Seconds(30);
  };
  explicit FailureDetector(const Options& options) : options_(options) {}

  // The nodes that are lost now, which the caller marks as such; those it leaves ready come again.
  // Also updates panic().
  std::vector<DecodeNode*> Check(absl::Span<const std::unique_ptr<DecodeNode>> nodes,
                                 MonotonicTime now);

  // Check has nothing to find before this.
  MonotonicTime next_check() const { return next_check_; }
  // Asks for a Check by `at`.
  void CheckBy(MonotonicTime at) { next_check_ = std::min(next_check_, at); }

  // A heartbeat of the node came: notes so on the node.
  void NodeHeard(DecodeNode& node, MonotonicTime now);
  // The node is ready though it was not heard yet: it has node_timeout from now to be.
  void AwaitNode(DecodeNode& node, MonotonicTime now);

  bool panic() const { return panic_since_.has_value() && !gave_up_; }
  // True for a node that would be lost but for panic mode.
  bool IsKeptByPanic(const DecodeNode& node, MonotonicTime now) const;
  // True if the node's last report may be believed.
  bool ReportIsFresh(const DecodeNode& node, MonotonicTime now) const {
    return node.last_heartbeat && now - *node.last_heartbeat <= options_.node_timeout;
  }
  absl::Duration node_timeout() const { return options_.node_timeout; }

 private:
  // What a pass over the nodes finds.
  struct Finding {
    std::size_t counted = 0;  // for panic
    std::size_t overdue = 0;  // of those
    std::vector<DecodeNode*> due;
    std::vector<DecodeNode*> lost_anyway;  // whatever the others do
    MonotonicTime next = absl::InfiniteDuration();
    // Since when some node is heard without a pause.
    MonotonicTime hears_since = absl::InfiniteDuration();
  };
  Finding Look(absl::Span<const std::unique_ptr<DecodeNode>> nodes, MonotonicTime now) const;
  // A pause this long between heartbeats is no mere delay: a node sends at least three in a
  // node_timeout.
  absl::Duration pause() const { return options_.node_timeout / 2; }
  // Silence before the end of the last panic says nothing of a node.
  MonotonicTime SilentSince(const DecodeNode& node) const;

  Options options_;
  std::optional<MonotonicTime> panic_since_;
  // Panic mode has lasted for too long, and most are silent still.
  bool gave_up_ = false;
  MonotonicTime heard_again_ = -absl::InfiniteDuration();
  MonotonicTime next_check_ = absl::InfiniteDuration();
};

}  // namespace eldr

#endif  // ELDR_CORE_FLEET_FAILURE_DETECTOR_H_
