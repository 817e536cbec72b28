#include "server/discovery/node_plan.h"

#include <algorithm>
#include <utility>

namespace eldr {
namespace {

using Kind = NodeAction::Kind;

bool HasLabel(const NodeSpec& spec, absl::string_view key) {
  return spec.labels.find(std::string(key)) != spec.labels.end();
}

std::string LabelOf(const NodeSpec& spec, absl::string_view key) {
  const auto label = spec.labels.find(std::string(key));
  return label == spec.labels.end() ? "" : label->second;
}

NodeSpec SpecOf(const NodePlan::Found& found) {
  const Endpoint& endpoint = found.endpoint;
  NodeSpec spec;
  spec.node_id = endpoint.node_id;
  spec.model = endpoint.model;
  spec.address = endpoint.address;
  spec.dp_rank = endpoint.rank;
  spec.expert_group = endpoint.expert_group;
  spec.labels.emplace(kSourceLabel, found.source);
  if (!endpoint.instance.empty()) spec.labels.emplace(kInstanceLabel, endpoint.instance);
  return spec;
}

NodeSpec Drained(NodeSpec spec, const char* why) {
  spec.labels[std::string(kDrainedLabel)] = why;
  return spec;
}

// Whether it is the same process, perhaps with other particulars.
bool SameProcess(const NodeSpec& a, const NodeSpec& b) {
  return a.model == b.model && a.address == b.address && a.dp_rank == b.dp_rank &&
         LabelOf(a, kInstanceLabel) == LabelOf(b, kInstanceLabel);
}

}  // namespace

bool IsDiscovered(const NodeSpec& registered) {
  return registered.heartbeat_interval == absl::ZeroDuration() &&
         HasLabel(registered, kSourceLabel);
}

// What is registered, for look-ups.
struct NodePlan::Registered {
  explicit Registered(const std::vector<NodeStatus>& nodes) {
    for (const NodeStatus& node : nodes) {
      by_id.emplace(node.spec.node_id, &node);
      if (node.spec.heartbeat_interval > absl::ZeroDuration()) {
        reporters.emplace(std::pair(node.spec.model, node.spec.address), &node);
      }
      if (IsDiscovered(node.spec)) own.emplace(node.spec.node_id, &node);
    }
  }
  // A node under another id that reports the same engine. One without a rank is all of it.
  bool HasReporter(const NodeSpec& spec) const {
    const auto [first, last] = reporters.equal_range({spec.model, spec.address});
    return std::any_of(first, last, [&](const auto& reporter) {
      const std::optional<std::uint32_t>& rank = reporter.second->spec.dp_rank;
      return !rank || !spec.dp_rank || rank == spec.dp_rank;
    });
  }

  std::map<absl::string_view, const NodeStatus*> by_id;
  std::multimap<std::pair<std::string, std::string>, const NodeStatus*> reporters;
  std::map<absl::string_view, const NodeStatus*> own;  // of which nothing was found yet
};

std::vector<NodeAction> NodePlan::Next(const View& view, MonotonicTime now) {
  Registered registered(view.nodes);
  counts_ = {.own = registered.own.size()};
  due_ = absl::InfiniteDuration();
  std::vector<NodeAction> gone, rest;
  std::set<absl::string_view> seen;
  for (const Found& found : view.found) {
    if (!found.endpoint.roles.decode) continue;
    if (!seen.insert(found.endpoint.node_id).second) {
      ++counts_.taken;
      continue;
    }
    PlanEndpoint(found, registered, rest);
  }
  for (auto since = gone_since_.begin(); since != gone_since_.end();) {
    since = registered.own.count(since->first) > 0 ? std::next(since) : gone_since_.erase(since);
  }
  for (const auto& [id, node] : registered.own) {
    if (view.incomplete.count(LabelOf(node->spec, kSourceLabel)) > 0) continue;
    PlanGone(*node, now, gone);
  }
  // What is gone makes room for what has come.
  gone.insert(gone.end(), std::make_move_iterator(rest.begin()),
              std::make_move_iterator(rest.end()));
  return gone;
}

void NodePlan::PlanEndpoint(const Found& found, Registered& registered,
                            std::vector<NodeAction>& actions) {
  NodeSpec spec = SpecOf(found);
  const bool ready = found.endpoint.ready;
  const auto known = registered.by_id.find(spec.node_id);
  if (known != registered.by_id.end() && !IsDiscovered(known->second->spec)) {
    ++(known->second->spec.heartbeat_interval > absl::ZeroDuration() ? counts_.with_heartbeats
                                                                     : counts_.taken);
    return;
  }
  if (registered.HasReporter(spec)) {
    ++counts_.with_heartbeats;
    return;  // a node of ours beside it goes as if its engine were gone
  }
  if (known == registered.by_id.end()) {
    // One that is not ready may be loading its model: it need not be seen yet.
    if (ready) actions.push_back({Kind::kRegister, std::move(spec)});
    return;
  }
  registered.own.erase(spec.node_id);
  const NodeStatus& node = *known->second;
  if (!SameProcess(spec, node.spec)) {
    actions.push_back({Kind::kRemove, node.spec});
    if (ready) actions.push_back({Kind::kRegister, std::move(spec)});
    return;
  }
  const bool drained_by_us = HasLabel(node.spec, kDrainedLabel);
  if (ready && drained_by_us) {
    actions.push_back({Kind::kUndrain, std::move(spec)});
  } else if (!ready && (drained_by_us || !node.draining)) {
    // As it is registered: other particulars may be refused while it holds leases, a drain must
    // not.
    NodeSpec drained = Drained(node.spec, "not_ready");
    if (!node.draining || drained.labels != node.spec.labels) {
      actions.push_back({Kind::kDrain, std::move(drained)});
    }
  } else if (spec.labels != node.spec.labels || spec.expert_group != node.spec.expert_group) {
    actions.push_back({Kind::kUpdate, std::move(spec)});
  }
}

void NodePlan::PlanGone(const NodeStatus& node, MonotonicTime now,
                        std::vector<NodeAction>& actions) {
  const MonotonicTime at = gone_since_.emplace(node.spec.node_id, now).first->second;
  if (now - at >= remove_after_) {
    actions.push_back({Kind::kRemove, node.spec});
    return;
  }
  due_ = std::min(due_, at + remove_after_);
  if (node.draining) return;
  actions.push_back({Kind::kDrain, Drained(node.spec, "gone")});
}

}  // namespace eldr
