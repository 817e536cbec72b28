#include "server/discovery/reconciler.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "core/base/status_macros.h"

namespace eldr {
namespace {

// Nodes come and go by other hands too.
constexpr absl::Duration kMostIdle = absl::Seconds(5);

constexpr absl::string_view kDone[] = {"registered", "updated", "drained", "undrained", "removed"};

}  // namespace

Reconciler::Reconciler(absl::Duration remove_after, std::vector<const EndpointList*> lists,
                       Router& router, const Clock& clock, Log& log, DiscoveryMetrics& metrics)
    : lists_(std::move(lists)),
      router_(router),
      clock_(clock),
      log_(log),
      metrics_(metrics),
      plan_(remove_after) {}

NodePlan::View Reconciler::Look() const {
  NodePlan::View view;
  for (const EndpointList* list : lists_) {
    EndpointList::Snapshot snapshot = list->Read();
    if (!snapshot.complete) view.incomplete.insert(list->source());
    for (Endpoint& endpoint : snapshot.endpoints) {
      endpoint.ready = endpoint.ready && asleep_.count(endpoint.node_id) == 0;
      view.found.push_back({.source = list->source(), .endpoint = std::move(endpoint)});
    }
  }
  auto nodes = router_.ListNodes("");
  if (nodes.ok()) view.nodes = *std::move(nodes);
  return view;
}

absl::Duration Reconciler::Step() {
  const MonotonicTime now = clock_.Monotonic();
  const NodePlan::View view = Look();
  own_.clear();
  for (const NodeStatus& node : view.nodes) {
    if (IsDiscovered(node.spec)) own_.push_back(node.spec);
  }
  std::map<std::string, std::string> refused;
  refused.swap(refused_);
  bool changed = false;
  for (const NodeAction& action : plan_.Next(view, now)) {
    const absl::Status status = Do(action);
    const std::string& id = action.spec.node_id;
    if (status.ok()) {
      changed = true;
      metrics_.changes[static_cast<std::size_t>(action.kind)]->Increment();
      Tell(action, status);
      continue;
    }
    metrics_.refused_changes.Increment();
    const auto before = refused.find(id);
    if (before == refused.end() || before->second != status.message()) Tell(action, status);
    refused_[id] = std::string(status.message());
  }
  const NodePlan::Counts counts = plan_.counts();
  metrics_.nodes.Set(static_cast<double>(counts.own));
  metrics_.nodes_with_heartbeats.Set(static_cast<double>(counts.with_heartbeats));
  metrics_.nodes_taken.Set(static_cast<double>(counts.taken));
  metrics_.nodes_refused.Set(static_cast<double>(refused_.size()));
  // What was done is counted with the next look.
  if (changed) return absl::ZeroDuration();
  return std::clamp(plan_.due() - now, absl::ZeroDuration(), kMostIdle);
}

absl::Status Reconciler::Do(const NodeAction& action) {
  const auto ours = [](const NodeSpec& registered) { return IsDiscovered(registered); };
  const NodeGuard guard = ours;
  const std::string& id = action.spec.node_id;
  switch (action.kind) {
    case NodeAction::Kind::kRegister:
    case NodeAction::Kind::kUpdate:
      return router_.RegisterNode(action.spec, guard).status();
    case NodeAction::Kind::kDrain:
      // The label first: a drain without it would be somebody else's.
      ELDR_RETURN_IF_ERROR(router_.RegisterNode(action.spec, guard).status());
      return router_.DrainNode(id, guard).status();
    case NodeAction::Kind::kUndrain:
      ELDR_RETURN_IF_ERROR(router_.UndrainNode(id, guard).status());
      return router_.RegisterNode(action.spec, guard).status();
    case NodeAction::Kind::kRemove:
      return router_.RemoveNode(id, guard).status();
  }
  return absl::InternalError("no such action");
}

void Reconciler::Tell(const NodeAction& action, const absl::Status& status) {
  const NodeSpec& spec = action.spec;
  const absl::string_view kind = kDone[static_cast<std::size_t>(action.kind)];
  if (!status.ok()) {
    log_.Warning("discovery_refused", {{"node", spec.node_id},
                                       {"model", spec.model},
                                       {"address", spec.address},
                                       {"not", kind},
                                       {"error", status.ToString()}});
    return;
  }
  if (action.kind == NodeAction::Kind::kUpdate) return;
  log_.Info("discovery", {{"node", spec.node_id}, {"model", spec.model}, {"done", kind}});
}

}  // namespace eldr
