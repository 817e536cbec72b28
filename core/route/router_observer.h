// What the router tells the outside world about what it does of its own accord.
#ifndef ELDR_CORE_ROUTE_ROUTER_OBSERVER_H_
#define ELDR_CORE_ROUTE_ROUTER_OBSERVER_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "core/books/change.h"
#include "core/fleet/decode_node.h"
#include "core/fleet/lease.h"

namespace eldr {

struct ModelSpec;

// Called while a model's lock is held: an implementation must be quick, must not call the router,
// and must be thread-safe (models do not share a lock). Every method has an empty default.
class RouterObserver {
 public:
  virtual ~RouterObserver() = default;

  // A model was declared.
  virtual void OnModelDeclared(const ModelSpec& /*spec*/) {}
  // A model's book changed. Called for each change, in the order of their numbers; what follows
  // here tells the same of those that each is about.
  virtual void OnChange(absl::string_view /*model*/, const Change& /*change*/) {}
  // A request was placed: a new lease.
  virtual void OnLeasePlaced(absl::string_view /*model*/, const Lease& /*lease*/) {}
  // What a lease adds to its node changed, since its signature came. Not called for renewals.
  virtual void OnLeaseUpdated(absl::string_view /*model*/, const Lease& /*lease*/) {}
  // A node named a request that was not known, and it got a lease there.
  virtual void OnLeaseAdopted(absl::string_view /*model*/, const Lease& /*lease*/) {}
  // A node sent a complete list; what came of it besides adoptions and ends.
  virtual void OnReconciled(absl::string_view /*model*/, std::uint32_t /*conflicts*/,
                            std::uint32_t /*not_adopted*/) {}
  // A lease ended, for whatever cause; called exactly once per lease. One that ended as moved is
  // followed by OnLeasePlaced for its request's new lease, before anything else of its model.
  virtual void OnLeaseEnded(absl::string_view /*model*/, const Lease& /*lease*/, LeaseEnd /*end*/) {
  }
  // A node registered, or came back as a new incarnation.
  virtual void OnNodeRegistered(const DecodeNode& /*node*/) {}
  // A node registered again in the same incarnation, perhaps with other particulars.
  virtual void OnNodeRespecified(const DecodeNode& /*node*/) {}
  // A node's state changed; node.state is the new one.
  virtual void OnNodeState(const DecodeNode& /*node*/, NodeState /*before*/) {}
  // A node's drain began or ended; node.draining tells which.
  virtual void OnNodeDraining(const DecodeNode& /*node*/) {}
  // A node was removed; the last that is heard of it.
  virtual void OnNodeRemoved(const DecodeNode& /*node*/) {}
  // Panic mode of a model's fleet began or ended; see failure_detector.h.
  virtual void OnPanicMode(absl::string_view /*model*/, bool /*panic*/) {}
  // A node reported steps that were not believed, for the `count`th time for this cause.
  virtual void OnReportNotBelieved(const DecodeNode& /*node*/, Disbelief /*cause*/,
                                   std::uint64_t /*count*/) {}
  // A node registered the address and data-parallel rank of another one that is heard.
  virtual void OnAddressShared(const DecodeNode& /*node*/, const DecodeNode& /*other*/) {}
  // Signatures left the store unplaced: `expired` by age, `evicted` by the byte bound.
  virtual void OnSignaturesDropped(absl::string_view /*model*/, std::size_t /*expired*/,
                                   std::size_t /*evicted*/) {}
};

}  // namespace eldr

#endif  // ELDR_CORE_ROUTE_ROUTER_OBSERVER_H_
