// The label baseline: nodes are shared out among the domains, and the least loaded of a domain's
// nodes takes its request.
#ifndef ELDR_TOOLS_SIM_DOMAIN_BACKEND_H_
#define ELDR_TOOLS_SIM_DOMAIN_BACKEND_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tools/replay/placement_backend.h"

namespace eldr::sim {

// Which of `nodes` serve each domain. With at least as many nodes as domains each domain has nodes
// of its own, in proportion to its weight (highest averages); with fewer, a node serves several
// domains, the heaviest going first to the node with the least weight. REQUIRES: nodes not empty.
std::map<std::string, std::vector<std::string>> ShareOut(
    const std::map<std::string, double>& weight_by_domain, const std::vector<std::string>& nodes);

// Limits each placement to its domain's nodes and leaves the choice among them to the backend below
// (least_loaded). The nodes are shared out anew when the fleet changes. A request that none of its
// domain's nodes can take goes to any.
class DomainBackend final : public replay::PlacementBackend {
 public:
  DomainBackend(std::unique_ptr<replay::PlacementBackend> below,
                std::map<std::string, double> weight_by_domain)
      : below_(std::move(below)), weight_by_domain_(std::move(weight_by_domain)) {}

  absl::Status RegisterNode(MonotonicTime now, const NodeSpec& node) override;
  absl::Status PushSignature(MonotonicTime now, absl::string_view request_id,
                             const SignatureData& signature) override {
    return below_->PushSignature(now, request_id, signature);
  }
  absl::StatusOr<std::optional<std::string>> Place(MonotonicTime now,
                                                   const replay::PlaceQuery& query) override;
  absl::Status Heartbeat(MonotonicTime now, const NodeReport& report) override {
    return below_->Heartbeat(now, report);
  }
  absl::Status Release(MonotonicTime now, absl::string_view request_id,
                       std::uint64_t output_tokens) override {
    return below_->Release(now, request_id, output_tokens);
  }
  absl::Status DrainNode(MonotonicTime now, absl::string_view node_id) override;
  absl::Status UndrainNode(MonotonicTime now, absl::string_view node_id) override;
  absl::Status RemoveNode(MonotonicTime now, absl::string_view node_id) override;

 private:
  void Add(absl::string_view node_id);
  void Drop(absl::string_view node_id);
  void Share();

  const std::unique_ptr<replay::PlacementBackend> below_;
  const std::map<std::string, double> weight_by_domain_;
  std::vector<std::string> nodes_;  // that take requests
  std::map<std::string, std::vector<std::string>> nodes_by_domain_;
};

}  // namespace eldr::sim

#endif  // ELDR_TOOLS_SIM_DOMAIN_BACKEND_H_
