// The live leases of a model, by request and by expiry.
#ifndef ELDR_CORE_FLEET_LEASE_TABLE_H_
#define ELDR_CORE_FLEET_LEASE_TABLE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "core/base/clock.h"
#include "core/fleet/lease.h"

namespace eldr {

// Holds leases and nothing else: what a lease adds to its node is the business of the Fleet. At
// most one lease per request. Not thread-safe.
class LeaseTable {
 public:
  // Takes a lease. REQUIRES: the request holds none. The pointer is valid until Take.
  Lease* Insert(std::unique_ptr<Lease> lease);
  // The lease of a request, or nullptr.
  Lease* Find(absl::string_view request_id) const;
  // Removes a lease and hands it over. REQUIRES: it is in the table.
  std::unique_ptr<Lease> Take(const Lease& lease);

  // Lets a lease live for `ttl` from now.
  void Renew(Lease& lease, absl::Duration ttl, MonotonicTime now);

  // A lease whose time has passed, or nullptr if there is none. The caller takes it.
  const Lease* NextExpired(MonotonicTime now);
  // No lease expires before this.
  MonotonicTime next_expiry() const;

  std::size_t size() const { return by_request_.size(); }

  template <typename Visitor>
  void ForEach(Visitor&& visitor) const {
    for (const auto& [id, lease] : by_request_) visitor(*lease);
  }

 private:
  // When a lease may expire at the earliest. A renewal to later leaves its entry in the heap, and
  // it is put right when it comes up. Entries of ended leases, and further ones of a lease that was
  // renewed to earlier, are spare: they are dropped when they come up, or all at once when they are
  // most of the heap.
  struct Deadline {
    MonotonicTime at;
    std::uint64_t lease_id;
    std::string request_id;
    bool operator<(const Deadline& other) const { return at > other.at; }  // earliest on top
  };
  void Push(const Lease& lease);
  void RebuildHeapIfMostlySpare();

  absl::flat_hash_map<std::string, std::unique_ptr<Lease>> by_request_;
  std::vector<Deadline> heap_;
};

}  // namespace eldr

#endif  // ELDR_CORE_FLEET_LEASE_TABLE_H_
