#include "client/src/lease_renewals.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/src/grpc_status.h"

namespace eldr::client::internal {
namespace {

// What the daemon takes in one call.
constexpr std::size_t kMaxBatch = 10'000;

// Leases due this soon go along with one that is due, so that many leases make few calls.
absl::Duration Slack(absl::Duration ttl) { return ttl / 30; }

// After a failed call a renewal is tried again well before the lease runs out.
absl::Duration RetryAfter(absl::Duration ttl) { return ttl / 12; }

// An error that another try may heal.
bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status) || absl::IsAborted(status) ||
         absl::IsCancelled(status) || absl::IsUnknown(status) || absl::IsInternal(status);
}

absl::Status ResultOf(const v1::LeaseResult& result, const v1::LeaseKey& key) {
  if (result.has_error()) return FromElementError(result.error());
  if (result.outcome() == v1::LEASE_OUTCOME_DONE) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(
      "request \"", key.request_id(), "\" of model \"", key.model(), "\" no longer holds lease ",
      key.lease_id(), result.outcome() == v1::LEASE_OUTCOME_STALE ? ": it holds another" : ""));
}

}  // namespace

LeaseRenewals::LeaseRenewals(RenewCall renew, ReleaseCall release)
    : renew_(std::move(renew)), release_(std::move(release)) {}

uint64_t LeaseRenewals::Add(const v1::LeaseKey& key, absl::Duration ttl, absl::Duration now) {
  absl::MutexLock lock(&mutex_);
  const uint64_t ticket = ++last_ticket_;
  const absl::Duration due = now + ttl / 3;
  leases_[ticket] = Lease{key, ttl, due, absl::OkStatus()};
  due_.emplace(due, ticket);
  return ticket;
}

void LeaseRenewals::Remove(uint64_t ticket) {
  absl::MutexLock lock(&mutex_);
  const auto found = leases_.find(ticket);
  if (found == leases_.end()) return;
  due_.erase({found->second.due, ticket});
  leases_.erase(found);
}

void LeaseRenewals::ReleaseLater(uint64_t ticket) {
  absl::MutexLock lock(&mutex_);
  const auto found = leases_.find(ticket);
  if (found == leases_.end()) return;
  due_.erase({found->second.due, ticket});
  releases_.push_back(std::move(found->second.key));
  leases_.erase(found);
}

absl::Status LeaseRenewals::StatusOf(uint64_t ticket) const {
  absl::MutexLock lock(&mutex_);
  const auto found = leases_.find(ticket);
  if (found == leases_.end()) return absl::NotFoundError("the lease is not kept any more");
  return found->second.status;
}

absl::Duration LeaseRenewals::Step(absl::Duration now) {
  ReleaseQueued();
  for (;;) {
    v1::RenewLeasesRequest request;
    const std::vector<uint64_t> tickets = TakeDue(now, request);
    if (tickets.empty()) break;
    const absl::StatusOr<v1::RenewLeasesResponse> response = renew_(request);
    absl::MutexLock lock(&mutex_);
    for (std::size_t i = 0; i < tickets.size(); ++i) {
      const int index = static_cast<int>(i);
      absl::Status status = response.status();
      if (status.ok() && index >= response->results_size()) {
        status = absl::InternalError("the daemon answered fewer renewals than it was sent");
      } else if (status.ok()) {
        status = ResultOf(response->results(index), request.renewals(index).lease());
      }
      Settle(tickets[i], std::move(status), now);
    }
  }
  absl::MutexLock lock(&mutex_);
  return due_.empty() ? absl::InfiniteDuration() : due_.begin()->first;
}

std::vector<uint64_t> LeaseRenewals::TakeDue(absl::Duration now, v1::RenewLeasesRequest& request) {
  absl::MutexLock lock(&mutex_);
  std::vector<uint64_t> tickets;
  // Slack only joins a call that is made anyway.
  if (due_.empty() || due_.begin()->first > now) return tickets;
  while (!due_.empty() && tickets.size() < kMaxBatch) {
    const uint64_t ticket = due_.begin()->second;
    const Lease& lease = leases_.at(ticket);
    if (lease.due > now + Slack(lease.ttl)) break;
    due_.erase(due_.begin());
    *request.add_renewals()->mutable_lease() = lease.key;
    tickets.push_back(ticket);
  }
  return tickets;
}

void LeaseRenewals::Settle(uint64_t ticket, absl::Status status, absl::Duration now) {
  const auto found = leases_.find(ticket);
  if (found == leases_.end()) return;  // released while the call was under way
  Lease& lease = found->second;
  lease.status = std::move(status);
  if (!lease.status.ok() && !IsTransient(lease.status)) return;  // ended: not due again
  lease.due = now + (lease.status.ok() ? lease.ttl / 3 : RetryAfter(lease.ttl));
  due_.emplace(lease.due, ticket);
}

void LeaseRenewals::ReleaseQueued() {
  std::vector<v1::LeaseKey> keys;
  {
    absl::MutexLock lock(&mutex_);
    keys.swap(releases_);
  }
  for (std::size_t from = 0; from < keys.size(); from += kMaxBatch) {
    v1::ReleaseLeasesRequest request;
    const std::size_t to = std::min(keys.size(), from + kMaxBatch);
    for (std::size_t i = from; i < to; ++i) {
      *request.add_releases()->mutable_lease() = std::move(keys[i]);
    }
    // The call retries by itself. After that nobody is left to tell: the lease expires.
    if (!release_(request).ok()) continue;
  }
}

}  // namespace eldr::client::internal
