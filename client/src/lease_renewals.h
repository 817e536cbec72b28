// Which leases are to be renewed or released, and when: the state behind all keepers of a client.
#ifndef ELDR_CLIENT_SRC_LEASE_RENEWALS_H_
#define ELDR_CLIENT_SRC_LEASE_RENEWALS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "eldr/v1/placement.pb.h"

namespace eldr::client::internal {

// Times are readings of one monotonic clock. Thread-safe; calls are made without the lock, so
// adding, removing and asking never wait for the network. Step() and ReleaseQueued() are called by
// one thread at a time.
class LeaseRenewals {
 public:
  using RenewCall =
      std::function<absl::StatusOr<v1::RenewLeasesResponse>(const v1::RenewLeasesRequest&)>;
  using ReleaseCall =
      std::function<absl::StatusOr<v1::ReleaseLeasesResponse>(const v1::ReleaseLeasesRequest&)>;

  LeaseRenewals(RenewCall renew, ReleaseCall release);

  // Renews `key` from now on, at a third of `ttl`. The ticket names it in the calls below; one that
  // is not known is ignored there.
  uint64_t Add(const v1::LeaseKey& key, absl::Duration ttl, absl::Duration now);
  void Remove(uint64_t ticket);
  // Removes the lease and queues its release for the next Step().
  void ReleaseLater(uint64_t ticket);
  // See LeaseKeeper::status().
  absl::Status StatusOf(uint64_t ticket) const;

  // One round: sends the queued releases and renews what is due. Returns when the next renewal is
  // due; InfiniteDuration if no lease is left.
  absl::Duration Step(absl::Duration now);
  // Sends the queued releases. What the daemon does not take ends with its time to live.
  void ReleaseQueued();

 private:
  struct Lease {
    v1::LeaseKey key;
    absl::Duration ttl;
    absl::Duration due;
    absl::Status status;
  };

  std::vector<uint64_t> TakeDue(absl::Duration now, v1::RenewLeasesRequest& request)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Settle(uint64_t ticket, absl::Status status, absl::Duration now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const RenewCall renew_;
  const ReleaseCall release_;

  mutable absl::Mutex mutex_;
  absl::flat_hash_map<uint64_t, Lease> leases_ ABSL_GUARDED_BY(mutex_);
  // Exactly the leases that wait for their renewal: neither ended nor in a call right now.
  std::set<std::pair<absl::Duration, uint64_t>> due_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::LeaseKey> releases_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_ticket_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace eldr::client::internal

#endif  // ELDR_CLIENT_SRC_LEASE_RENEWALS_H_
