// Health of one model: its nodes, placements, signatures and stores.
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "server/page/health.h"

namespace eldr {
namespace {

using Sentences = std::vector<HealthSentence>;

// What so many nodes have in common, with the names of the first.
class NodeList {
 public:
  void Add(const std::string& node) {
    ++count_;
    if (names_.size() < 3) names_.push_back(node);
  }
  std::size_t count() const { return count_; }
  // "2 nodes (a, b)"
  std::string Text() const {
    return absl::StrFormat("%d %s (%s%s)", count_, count_ == 1 ? "node" : "nodes",
                           absl::StrJoin(names_, ", "), count_ > names_.size() ? ", ..." : "");
  }

 private:
  std::size_t count_ = 0;
  std::vector<std::string> names_;
};

struct NodeLists {
  NodeList lost, joining, draining, late, kv_full, not_believed;

  void Add(const NodeStatus& node, const Router::Options& options) {
    const std::string& id = node.spec.node_id;
    if (node.state == NodeState::kLost) lost.Add(id);
    if (node.state == NodeState::kJoining) joining.Add(id);
    if (node.draining) draining.Add(id);
    if (node.state == NodeState::kReady && node.heartbeat_age > options.node_timeout / 2) {
      late.Add(id);
    }
    if (node.reported_kv_usage > options.max_kv_usage) kv_full.Add(id);
    for (const std::uint64_t count : node.not_believed) {
      if (count > 0) return not_believed.Add(id);
    }
  }
};

void Say(const NodeList& nodes, Severity severity, const std::string& model, const char* what,
         const char* what_to_do, Sentences& sentences) {
  if (nodes.count() == 0) return;
  sentences.push_back({severity, "nodes", model, nodes.Text() + what, what_to_do});
}

void LookAtNodes(const ApiContext& context, const ModelDescription& model, Sentences& sentences) {
  const std::string& name = model.spec.name;
  if (model.ready_nodes == 0) {
    sentences.push_back(
        {Severity::kCritical, "nodes", name,
         model.nodes == 0 ? "No node is registered: nothing can be placed."
                          : absl::StrFormat("None of %d nodes takes placements.", model.nodes),
         "Start decode nodes or their agents, or end drains (eldrctl nodes undrain)."});
  }
  const auto nodes = context.router().ListNodes(name);
  if (!nodes.ok()) return;
  NodeLists lists;
  for (const NodeStatus& node : *nodes) lists.Add(node, context.router().options());
  Say(lists.lost, Severity::kWarning, name, " lost: the heartbeats stopped.",
      "See whether the process lives and reaches this daemon. It comes back by itself with its "
      "next "
      "heartbeat.",
      sentences);
  Say(lists.late, Severity::kWarning, name, " late: no heartbeat for half of node_timeout.",
      "See whether the node or the network is overloaded.", sentences);
  Say(lists.kv_full, Severity::kWarning, name, " above max_kv_usage: no new placements go there.",
      "Add nodes, or lower the load.", sentences);
  Say(lists.not_believed, Severity::kWarning, name, " reported step times that cannot be right.",
      "Compare the units of what the engine reports with StepStats in fleet.proto.", sentences);
  Say(lists.joining, Severity::kNote, name, " joining: registered, and no heartbeat yet.",
      "If it lasts: see whether the node's agent sends heartbeats.", sentences);
  Say(lists.draining, Severity::kNote, name, " draining: no new placements go there.",
      "eldrctl nodes undrain ends it.", sentences);
}

void LookAtTraffic(const ApiContext& context, const ModelDescription& model, Sentences& sentences) {
  std::uint64_t placed = 0, failed = 0, missing = 0;
  const absl::Time since = context.service.clock.Wall() - absl::Minutes(5);
  for (const HistoryPoint& point : context.history.Points(model.spec.name, since)) {
    placed += point.placements;
    failed += point.failed_placements;
    missing += point.by_quality[static_cast<std::size_t>(SignatureQuality::kMissing)];
  }
  if (failed > 0) {
    sentences.push_back(
        {failed > placed / 10 ? Severity::kCritical : Severity::kWarning, "placements",
         model.spec.name,
         absl::StrFormat("%d of %d queries of the last 5 minutes were refused.", failed,
                         failed + placed),
         "See eldr_placements_total by outcome: unavailable means no node may take them, "
         "resource_exhausted a limit."});
  }
  if (missing > placed / 10) {
    sentences.push_back(
        {missing > placed / 2 ? Severity::kWarning : Severity::kNote, "signatures", model.spec.name,
         absl::StrFormat("%.0f %% of the placements of the last 5 minutes had no signature.",
                         100.0 * static_cast<double>(missing) / static_cast<double>(placed)),
         "See whether prefill workers push before the frontend asks; signature_wait lets a query "
         "wait for it up to 50 ms."});
  }
}

}  // namespace

void LookAtModel(const ApiContext& context, const ModelDescription& model,
                 std::vector<HealthSentence>& sentences) {
  const std::string& name = model.spec.name;
  const Router::Options& options = context.router().options();
  if (model.panic_mode) {
    sentences.push_back({Severity::kCritical, "panic", name,
                         "Panic mode: most nodes fell silent at once, so none of them is taken for "
                         "lost.",
                         "See whether the network between the nodes and this daemon is broken."});
  }
  LookAtNodes(context, model, sentences);
  LookAtTraffic(context, model, sentences);
  LookAtLimit(name, "Registered nodes", "limits.nodes_per_model", model.nodes,
              options.max_nodes_per_model, sentences);
  LookAtLimit(name, "Live leases", "limits.leases_per_model", model.leases,
              options.max_leases_per_model, sentences);
  LookAtLimit(name, "Bytes of stored signatures", "signature_store_bytes",
              model.stored_signature_bytes, options.signature_store_bytes, sentences);
}

}  // namespace eldr
