#include "core/route/node_status.h"

#include <algorithm>

#include "core/route/eligibility.h"

namespace eldr {

std::vector<NodeStatus> StatusOfNodes(const Book& book, MonotonicTime now, absl::string_view after,
                                      std::size_t most) {
  const FailureDetector& detector = book.detector();
  UpdateBatches(book.fleet(), detector, now);
  std::vector<const DecodeNode*> nodes;
  for (const auto& node : book.fleet().nodes()) {
    if (node->spec.node_id > after) nodes.push_back(node.get());
  }
  std::sort(nodes.begin(), nodes.end(), [](const DecodeNode* a, const DecodeNode* b) {
    return a->spec.node_id < b->spec.node_id;
  });
  if (nodes.size() > most) nodes.resize(most);
  std::vector<NodeStatus> list;
  list.reserve(nodes.size());
  for (const DecodeNode* const node : nodes) {
    NodeStatus& status = list.emplace_back();
    status.spec = node->spec;
    status.state = detector.IsKeptByPanic(*node, now) ? NodeState::kLostInPanic : node->state;
    status.not_believed = node->not_believed;
    status.draining = node->draining;
    status.load = node->Load(detector.ReportIsFresh(*node, now));
    status.leases = node->leases;
    status.kv_tokens = node->kv_tokens;
    status.reported_running = node->reported_running;
    status.reported_queued = node->reported_queued;
    status.reported_kv_usage = node->reported_kv_usage;
    status.reported_step_time = node->reported_step_time;
    if (node->last_heartbeat) status.heartbeat_age = now - *node->last_heartbeat;
    status.register_time = node->register_time;
    const ExpertGroup& group = *node->group;
    const double experts = group.residency.expected_experts();
    status.expected_experts_per_layer = experts / book.geometry().layers;
    status.step_time = group.step_time.CoefficientsAt(group.batch);
    if (group.batch > 0) {
      status.predicted_step_time = absl::Seconds(
          group.step_time.Predict(experts, group.batch, static_cast<double>(group.context_tokens)));
    }
  }
  return list;
}

}  // namespace eldr
