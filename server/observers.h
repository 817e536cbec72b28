// Several observers of one router.
#ifndef ELDR_SERVER_OBSERVERS_H_
#define ELDR_SERVER_OBSERVERS_H_

#include <vector>

#include "core/route/router_observer.h"

namespace eldr {

// Tells each, in the order they were added; all of them before the router is made.
class Observers final : public RouterObserver {
 public:
  // `observer` must outlive it.
  void Add(RouterObserver& observer) { all_.push_back(&observer); }

  void OnModelDeclared(const ModelSpec& spec) override {
    for (RouterObserver* one : all_) one->OnModelDeclared(spec);
  }
  void OnChange(absl::string_view model, const Change& change) override {
    for (RouterObserver* one : all_) one->OnChange(model, change);
  }
  void OnLeasePlaced(absl::string_view model, const Lease& lease) override {
    for (RouterObserver* one : all_) one->OnLeasePlaced(model, lease);
  }
  void OnLeaseUpdated(absl::string_view model, const Lease& lease) override {
    for (RouterObserver* one : all_) one->OnLeaseUpdated(model, lease);
  }
  void OnLeaseAdopted(absl::string_view model, const Lease& lease) override {
    for (RouterObserver* one : all_) one->OnLeaseAdopted(model, lease);
  }
  void OnReconciled(absl::string_view model, std::uint32_t conflicts,
                    std::uint32_t not_adopted) override {
    for (RouterObserver* one : all_) one->OnReconciled(model, conflicts, not_adopted);
  }
  void OnLeaseEnded(absl::string_view model, const Lease& lease, LeaseEnd end) override {
    for (RouterObserver* one : all_) one->OnLeaseEnded(model, lease, end);
  }
  void OnNodeRegistered(const DecodeNode& node) override {
    for (RouterObserver* one : all_) one->OnNodeRegistered(node);
  }
  void OnNodeRespecified(const DecodeNode& node) override {
    for (RouterObserver* one : all_) one->OnNodeRespecified(node);
  }
  void OnNodeState(const DecodeNode& node, NodeState before) override {
    for (RouterObserver* one : all_) one->OnNodeState(node, before);
  }
  void OnNodeDraining(const DecodeNode& node) override {
    for (RouterObserver* one : all_) one->OnNodeDraining(node);
  }
  void OnNodeRemoved(const DecodeNode& node) override {
    for (RouterObserver* one : all_) one->OnNodeRemoved(node);
  }
  void OnPanicMode(absl::string_view model, bool panic) override {
    for (RouterObserver* one : all_) one->OnPanicMode(model, panic);
  }
  void OnReportNotBelieved(const DecodeNode& node, Disbelief cause, std::uint64_t count) override {
    for (RouterObserver* one : all_) one->OnReportNotBelieved(node, cause, count);
  }
  void OnAddressShared(const DecodeNode& node, const DecodeNode& other) override {
    for (RouterObserver* one : all_) one->OnAddressShared(node, other);
  }
  void OnSignaturesDropped(absl::string_view model, std::size_t expired,
                           std::size_t evicted) override {
    for (RouterObserver* one : all_) one->OnSignaturesDropped(model, expired, evicted);
  }

 private:
  std::vector<RouterObserver*> all_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_OBSERVERS_H_
