#include "core/fleet/silence_watch.h"

#include <algorithm>

namespace eldr {
namespace {

bool IsWatched(const DecodeNode& node) {
  return node.state == NodeState::kReady && node.sends_heartbeats();
}

}  // namespace

std::vector<DecodeNode*> SilenceWatch::Check(absl::Span<const std::unique_ptr<DecodeNode>> nodes,
                                             MonotonicTime now) {
  std::size_t watched = 0;
  std::size_t overdue = 0;
  std::vector<DecodeNode*> due;
  std::vector<DecodeNode*> unconfirmed;
  MonotonicTime next = absl::InfiniteDuration();
  for (const auto& node : nodes) {
    if (!IsWatched(*node)) continue;
    if (node->restored_at) {
      if (now - *node->restored_at > node_timeout_) {
        unconfirmed.push_back(node.get());
      } else {
        next = std::min(next, *node->restored_at + node_timeout_);
      }
      continue;
    }
    ++watched;
    if (now - *node->last_heartbeat > 2 * node->spec.heartbeat_interval) ++overdue;
    const MonotonicTime heard = std::max(*node->last_heartbeat, heard_again_);
    if (now - heard > node_timeout_) {
      due.push_back(node.get());
    } else {
      next = std::min(next, heard + node_timeout_);
    }
  }
  const bool mostly_silent = 2 * overdue > watched;
  if (mostly_silent && (stale_ || !due.empty())) {
    stale_ = true;
    next_check_ = now;  // looked at again by every call until it ends
    return unconfirmed;
  }
  if (stale_) {
    stale_ = false;
    heard_again_ = now;
    due.clear();
    next = now + node_timeout_;
  }
  next_check_ = next;
  due.insert(due.end(), unconfirmed.begin(), unconfirmed.end());
  return due;
}

void SilenceWatch::NodeHeard(MonotonicTime now) {
  next_check_ = std::min(next_check_, now + node_timeout_);
}

}  // namespace eldr
