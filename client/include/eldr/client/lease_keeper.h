// Keeps a lease alive while its request runs, and releases it after.
#ifndef ELDR_CLIENT_LEASE_KEEPER_H_
#define ELDR_CLIENT_LEASE_KEEPER_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "eldr/v1/placement.pb.h"

namespace eldr::client {

namespace internal {
class Connection;
class LeaseRenewals;
}  // namespace internal

// Holds one lease.
//
//   auto placed = client->Place(request);
//   LeaseKeeper lease = client->KeepLease(request, *placed);
//   ... run the request; check lease.status() now and then ...
//   lease.Release({.output_tokens = 512});
//
// The lease is renewed at a third of its time to live, by one background thread that all keepers
// of a client share and that renews what is due in one call. Destroying a keeper releases its
// lease without waiting: the same thread sends the release. A keeper may outlive its client; what
// it then leaves to the thread is lost if the process ends first, and its lease runs out.
//
// Movable. Each keeper is used by one thread at a time, different ones by any threads.
class LeaseKeeper {
 public:
  // What a release may tell the daemon of the request.
  struct ReleaseOptions {
    // The tokens it generated, if known.
    std::optional<uint64_t> output_tokens = std::nullopt;
    // Which experts its decode activated, if known.
    std::optional<v1::ExpertSignature> decode_counts = std::nullopt;
  };

  LeaseKeeper(LeaseKeeper&& other) noexcept;
  LeaseKeeper& operator=(LeaseKeeper&& other) noexcept;
  ~LeaseKeeper();

  const v1::LeaseKey& key() const { return key_; }

  // OK as long as no renewal failed. UNAVAILABLE and the like: the last renewal did not reach the
  // daemon; it is tried again. NOT_FOUND: the lease has ended (or moved to another id) and is
  // renewed no more; place the request again.
  absl::Status status() const;

  // Ends the lease and waits for the answer. Only the first Release() makes a call; a later one is
  // FAILED_PRECONDITION. On an error the daemon drops the lease when its time to live has passed.
  absl::StatusOr<v1::ReleaseLeaseResponse> Release(const ReleaseOptions& options);
  absl::StatusOr<v1::ReleaseLeaseResponse> Release() { return Release(ReleaseOptions()); }

  // Stops renewing and does not release: someone else holds the lease from now on.
  void Detach();

 private:
  friend class Client;
  LeaseKeeper(std::shared_ptr<internal::Connection> connection, v1::LeaseKey key,
              absl::Duration ttl);
  // Releases in the background what is still held.
  void ReleaseLater();

  // Null once released, detached or moved from.
  std::shared_ptr<internal::Connection> connection_;
  v1::LeaseKey key_;
  uint64_t ticket_ = 0;  // names the lease among the renewals
};

}  // namespace eldr::client

#endif  // ELDR_CLIENT_LEASE_KEEPER_H_
