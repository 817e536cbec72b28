#include "tools/sim/domain_backend.h"

#include <algorithm>
#include <utility>

#include "core/base/status_macros.h"

namespace eldr::sim {

std::map<std::string, std::vector<std::string>> ShareOut(
    const std::map<std::string, double>& weight_by_domain, const std::vector<std::string>& nodes) {
  std::vector<std::pair<double, std::string>> heaviest_first;
  heaviest_first.reserve(weight_by_domain.size());
  for (const auto& [domain, weight] : weight_by_domain) heaviest_first.emplace_back(weight, domain);
  std::stable_sort(heaviest_first.begin(), heaviest_first.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::map<std::string, std::vector<std::string>> shares;
  if (nodes.size() < heaviest_first.size()) {
    std::vector<double> node_weight(nodes.size());
    for (const auto& [weight, domain] : heaviest_first) {
      const auto lightest = std::min_element(node_weight.begin(), node_weight.end());
      *lightest += weight;
      shares[domain].push_back(nodes[static_cast<std::size_t>(lightest - node_weight.begin())]);
    }
    return shares;
  }
  for (const std::string& node : nodes) {
    // The domain that has the most weight per node if it gets this one; without any it comes first.
    const auto urgency = [&](const std::pair<double, std::string>& domain) {
      const std::size_t has = shares[domain.second].size();
      return std::make_pair(has == 0, domain.first / static_cast<double>(has + 1));
    };
    const auto neediest =
        std::max_element(heaviest_first.begin(), heaviest_first.end(),
                         [&](const auto& a, const auto& b) { return urgency(a) < urgency(b); });
    if (neediest != heaviest_first.end()) shares[neediest->second].push_back(node);
  }
  return shares;
}

absl::Status DomainBackend::RegisterNode(MonotonicTime now, const NodeSpec& node) {
  ELDR_RETURN_IF_ERROR(below_->RegisterNode(now, node));
  Add(node.node_id);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> DomainBackend::Place(MonotonicTime now,
                                                                const replay::PlaceQuery& query) {
  const auto found = nodes_by_domain_.find(std::string(query.domain));
  if (found != nodes_by_domain_.end()) {
    std::vector<const std::string*> allowed;
    for (const std::string& node : found->second) allowed.push_back(&node);
    replay::PlaceQuery inside = query;
    inside.allow_nodes = allowed;
    ELDR_ASSIGN_OR_RETURN(std::optional<std::string> placed, below_->Place(now, inside));
    if (placed.has_value()) return placed;
  }
  return below_->Place(now, query);
}

absl::Status DomainBackend::DrainNode(MonotonicTime now, absl::string_view node_id) {
  Drop(node_id);
  return below_->DrainNode(now, node_id);
}

absl::Status DomainBackend::UndrainNode(MonotonicTime now, absl::string_view node_id) {
  Add(node_id);
  return below_->UndrainNode(now, node_id);
}

absl::Status DomainBackend::RemoveNode(MonotonicTime now, absl::string_view node_id) {
  Drop(node_id);
  return below_->RemoveNode(now, node_id);
}

void DomainBackend::Add(absl::string_view node_id) {
  Drop(node_id);
  nodes_.emplace_back(node_id);
  Share();
}

void DomainBackend::Drop(absl::string_view node_id) {
  nodes_.erase(std::remove(nodes_.begin(), nodes_.end(), node_id), nodes_.end());
  Share();
}

void DomainBackend::Share() {
  nodes_by_domain_.clear();
  if (!nodes_.empty()) nodes_by_domain_ = ShareOut(weight_by_domain_, nodes_);
}

}  // namespace eldr::sim
