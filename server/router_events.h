// Turns what the router does of its own accord into metrics and log lines.
#ifndef ELDR_SERVER_ROUTER_EVENTS_H_
#define ELDR_SERVER_ROUTER_EVENTS_H_

#include "core/route/router_observer.h"
#include "server/base/log.h"
#include "server/metrics/metrics.h"
#include "server/record/event_log.h"

namespace eldr {

// A line per change of a node's or a fleet's state, none per request. `metrics` and `log` must
// outlive it.
class RouterEvents final : public RouterObserver {
 public:
  RouterEvents(Metrics& metrics, Log& log) : metrics_(metrics), log_(log) {}

  // From now on events go to this log too; it must outlive the calls. Call it before there are any.
  void set_event_log(EventLog* event_log) { event_log_ = event_log; }

  void OnLeasePlaced(absl::string_view model, const Lease& lease) override;
  void OnLeaseEnded(absl::string_view model, const Lease& lease, LeaseEnd end) override;
  void OnLeaseAdopted(absl::string_view model, const Lease& lease) override;
  void OnReconciled(absl::string_view model, std::uint32_t conflicts,
                    std::uint32_t not_adopted) override;
  void OnNodeRegistered(const DecodeNode& node) override;
  void OnNodeState(const DecodeNode& node, NodeState before) override;
  void OnNodeDraining(const DecodeNode& node) override;
  void OnNodeRemoved(const DecodeNode& node) override;
  void OnPanicMode(absl::string_view model, bool panic) override;
  void OnReportNotBelieved(const DecodeNode& node, Disbelief cause, std::uint64_t count) override;
  void OnAddressShared(const DecodeNode& node, const DecodeNode& other) override;
  void OnSignaturesDropped(absl::string_view model, std::size_t expired,
                           std::size_t evicted) override;

 private:
  Metrics& metrics_;
  Log& log_;
  EventLog* event_log_ = nullptr;
};

}  // namespace eldr

#endif  // ELDR_SERVER_ROUTER_EVENTS_H_
