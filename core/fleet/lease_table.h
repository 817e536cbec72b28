// The live leases of a model, by request and by expiry.
#ifndef ELDR_CORE_FLEET_LEASE_TABLE_H_
#define ELDR_CORE_FLEET_LEASE_TABLE_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "core/base/clock.h"
#include "core/fleet/lease.h"

namespace eldr {

// Holds leases and nothing else: what a lease adds to its node is the business of the Fleet. At
// most one lease per request. Not thread-safe.
//
// Leases that ended are kept for those to come, so that a table of a steady size allocates nothing.
class LeaseTable {
 public:
  // The most ended leases that are kept: about 6 MiB at 48 layers x 128 experts. The number of live
  // leases seldom swings by more.
  static constexpr std::size_t kMostSpare = 1024;

  // A lease to be filled in and inserted: as new, but for the buffers of its members.
  std::unique_ptr<Lease> NewLease();
  // Takes back a lease that is in no table.
  void Recycle(std::unique_ptr<Lease> lease);

  // Takes a lease. REQUIRES: the request holds none. The pointer is valid until Take; the request
  // id must not change until then.
  Lease* Insert(std::unique_ptr<Lease> lease);
  // The lease of a request, or nullptr.
  Lease* Find(absl::string_view request_id) const;
  // Removes a lease and hands it over. REQUIRES: it is in the table.
  std::unique_ptr<Lease> Take(const Lease& lease);

  // Lets a lease live for `ttl` from now. REQUIRES: it is in the table.
  void Renew(Lease& lease, absl::Duration ttl, MonotonicTime now);

  // The lease whose time passed first (of several at once the eldest), or nullptr if none's has.
  // The caller takes it.
  const Lease* NextExpired(MonotonicTime now) const;
  // When the next one expires; InfiniteDuration if there are none.
  MonotonicTime next_expiry() const;

  std::size_t size() const { return by_request_.size(); }

  template <typename Visitor>
  void ForEach(Visitor&& visitor) const {
    for (const auto& [id, lease] : by_request_) visitor(*lease);
  }

 private:
  // The deadline stands beside its lease, so sifting touches one array.
  struct Deadline {
    MonotonicTime at;
    Lease* lease;
  };
  static bool Sooner(const Deadline& a, const Deadline& b);
  void Put(std::size_t place, const Deadline& deadline);
  // Each moves an entry to where it belongs.
  void SiftUp(std::size_t place);
  void SiftDown(std::size_t place);

  // The keys are the leases' own texts.
  absl::flat_hash_map<absl::string_view, std::unique_ptr<Lease>> by_request_;
  // A binary heap, the soonest first; each lease knows its place in it.
  std::vector<Deadline> heap_;
  std::vector<std::unique_ptr<Lease>> spare_;
};

}  // namespace eldr

#endif  // ELDR_CORE_FLEET_LEASE_TABLE_H_
