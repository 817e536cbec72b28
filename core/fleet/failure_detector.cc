#include "core/fleet/failure_detector.h"

#include <algorithm>

namespace eldr {
namespace {

bool IsWatched(const DecodeNode& node) {
  return node.state == NodeState::kReady && node.sends_heartbeats();
}

}  // namespace

MonotonicTime FailureDetector::SilentSince(const DecodeNode& node) const {
  return std::max(*node.last_heartbeat, heard_again_);
}

FailureDetector::Finding FailureDetector::Look(absl::Span<const std::unique_ptr<DecodeNode>> nodes,
                                               MonotonicTime now) const {
  Finding found;
  const auto judge = [&](DecodeNode* node, MonotonicTime since, std::vector<DecodeNode*>& late) {
    if (now - since > options_.node_timeout) {
      late.push_back(node);
    } else {
      found.next = std::min(found.next, since + options_.node_timeout);
    }
  };
  for (const auto& node : nodes) {
    if (!IsWatched(*node)) continue;
    if (node->restored_at) {
      judge(node.get(), *node->restored_at, found.lost_anyway);
      continue;
    }
    const MonotonicTime lost_anyway =
        *node->last_heartbeat + 2 * options_.node_timeout + options_.max_panic;
    if (now > lost_anyway) {
      found.lost_anyway.push_back(node.get());
      continue;
    }
    found.next = std::min(found.next, lost_anyway);
    const bool overdue = now - *node->last_heartbeat > pause();
    if (!overdue) found.hears_since = std::min(found.hears_since, node->heard_without_pause_since);
    if (!node->draining) {
      ++found.counted;
      if (overdue) ++found.overdue;
    }
    judge(node.get(), SilentSince(*node), found.due);
  }
  return found;
}

std::vector<DecodeNode*> FailureDetector::Check(absl::Span<const std::unique_ptr<DecodeNode>> nodes,
                                                MonotonicTime now) {
  Finding found = Look(nodes, now);
  const auto heard = static_cast<double>(found.counted - found.overdue);
  const bool mostly_silent = heard < options_.panic_threshold * static_cast<double>(found.counted);
  const bool hears = now - found.hears_since >= options_.node_timeout;
  if (mostly_silent && !hears) {
    if (!panic_since_ && !found.due.empty()) panic_since_ = now;
    gave_up_ = panic_since_ && now - *panic_since_ >= options_.max_panic;
    if (panic()) {
      next_check_ = std::min({*panic_since_ + options_.max_panic,
                              found.hears_since + options_.node_timeout, found.next});
      return std::move(found.lost_anyway);
    }
  } else if (panic_since_) {
    if (!hears && !gave_up_) {
      heard_again_ = now;
      found.due.clear();
      found.next = now + options_.node_timeout;
    }
    panic_since_.reset();
    gave_up_ = false;
  }
  next_check_ = found.next;
  found.due.insert(found.due.end(), found.lost_anyway.begin(), found.lost_anyway.end());
  return std::move(found.due);
}

void FailureDetector::NodeHeard(DecodeNode& node, MonotonicTime now) {
  if (!node.last_heartbeat || now - *node.last_heartbeat > pause()) {
    node.heard_without_pause_since = now;
  }
  node.last_heartbeat = now;
  node.restored_at.reset();
  CheckBy(panic_since_ ? now : now + options_.node_timeout);
}

void FailureDetector::AwaitNode(DecodeNode& node, MonotonicTime now) {
  node.last_heartbeat.reset();
  node.restored_at = now;
  CheckBy(now + options_.node_timeout);
}

bool FailureDetector::IsKeptByPanic(const DecodeNode& node, MonotonicTime now) const {
  return panic() && IsWatched(node) && !node.restored_at &&
         now - SilentSince(node) > options_.node_timeout;
}

}  // namespace eldr
