#include "server/router_events.h"

#include <bit>

#include "core/fleet/expert_group.h"

namespace eldr {

void RouterEvents::OnLeasePlaced(absl::string_view /*model*/, const Lease& lease) {
  if (event_log_ != nullptr) event_log_->OnLeasePlaced(lease);
}

void RouterEvents::OnLeaseEnded(absl::string_view model, const Lease& lease, LeaseEnd end) {
  if (event_log_ != nullptr) event_log_->OnLeaseEnded(model, lease, end);
  if (ModelMetrics* const metrics = metrics_.FindModel(model)) metrics->OnLeaseEnded(end);
}

void RouterEvents::OnLeaseAdopted(absl::string_view model, const Lease& lease) {
  if (event_log_ != nullptr) event_log_->OnLeaseAdopted(model, lease);
  if (ModelMetrics* const metrics = metrics_.FindModel(model)) metrics->OnLeaseAdopted();
}

void RouterEvents::OnReconciled(absl::string_view model, std::uint32_t conflicts,
                                std::uint32_t not_adopted) {
  if (ModelMetrics* const metrics = metrics_.FindModel(model)) {
    metrics->OnReconciled(conflicts, not_adopted);
  }
}

void RouterEvents::OnNodeRegistered(const DecodeNode& node) {
  if (event_log_ != nullptr) event_log_->OnNodeRegistered(node);
  log_.Info("node_registered", {{"model", node.spec.model},
                                {"node", node.spec.node_id},
                                {"address", node.spec.address},
                                {"incarnation", node.spec.incarnation},
                                {"state", Name(node.state)}});
}

void RouterEvents::OnNodeState(const DecodeNode& node, NodeState before) {
  if (event_log_ != nullptr) event_log_->OnNodeState(node);
  const Log::Fields fields = {{"model", node.spec.model},
                              {"node", node.spec.node_id},
                              {"before", Name(before)},
                              {"state", Name(node.state)}};
  if (node.state == NodeState::kLost) {
    log_.Warning("node_state", fields);
  } else {
    log_.Info("node_state", fields);
  }
}

void RouterEvents::OnNodeDraining(const DecodeNode& node) {
  if (event_log_ != nullptr) event_log_->OnNodeState(node);
  log_.Info("node_draining", {{"model", node.spec.model},
                              {"node", node.spec.node_id},
                              {"draining", node.draining},
                              {"leases", node.leases}});
}

void RouterEvents::OnNodeRemoved(const DecodeNode& node) {
  if (event_log_ != nullptr) event_log_->OnNodeRemoved(node);
  // One that is removed while it is lost may have been forgotten.
  log_.Info("node_removed",
            {{"model", node.spec.model}, {"node", node.spec.node_id}, {"state", Name(node.state)}});
}

void RouterEvents::OnPanicMode(absl::string_view model, bool panic) {
  if (panic) {
    log_.Warning("panic_mode", {{"model", model}, {"panic", true}});
  } else {
    log_.Info("panic_mode", {{"model", model}, {"panic", false}});
  }
}

void RouterEvents::OnReportNotBelieved(const DecodeNode& node, Disbelief cause,
                                       std::uint64_t count) {
  // A node may go on for ever: the 1st, 2nd, 4th, 8th time and so on.
  if (!std::has_single_bit(count)) return;
  log_.Warning("report_not_believed",
               {{"model", node.spec.model},
                {"node", node.spec.node_id},
                {"cause", Name(cause)},
                {"count", count},
                {"slowness", node.group->step_time.coefficients().slowness}});
}

void RouterEvents::OnAddressShared(const DecodeNode& node, const DecodeNode& other) {
  log_.Warning("address_shared", {{"model", node.spec.model},
                                  {"node", node.spec.node_id},
                                  {"other", other.spec.node_id},
                                  {"address", node.spec.address}});
}

void RouterEvents::OnSignaturesDropped(absl::string_view model, std::size_t expired,
                                       std::size_t evicted) {
  if (ModelMetrics* const metrics = metrics_.FindModel(model)) {
    metrics->OnSignaturesDropped(expired, evicted);
  }
}

}  // namespace eldr
