#include "core/fleet/lease_table.h"

#include <algorithm>

namespace eldr {

Lease* LeaseTable::Insert(std::unique_ptr<Lease> lease) {
  Lease* inserted = lease.get();
  by_request_[inserted->request_id] = std::move(lease);
  Push(*inserted);
  return inserted;
}

Lease* LeaseTable::Find(absl::string_view request_id) const {
  const auto it = by_request_.find(request_id);
  return it == by_request_.end() ? nullptr : it->second.get();
}

std::unique_ptr<Lease> LeaseTable::Take(const Lease& lease) {
  const auto it = by_request_.find(lease.request_id);
  std::unique_ptr<Lease> taken = std::move(it->second);
  by_request_.erase(it);
  RebuildHeapIfMostlySpare();
  return taken;
}

void LeaseTable::Renew(Lease& lease, absl::Duration ttl, MonotonicTime now) {
  const MonotonicTime before = lease.expires_at;
  lease.ttl = ttl;
  lease.expires_at = now + ttl;
  if (lease.expires_at < before) Push(lease);  // the entry in the heap would come up too late
}

const Lease* LeaseTable::NextExpired(MonotonicTime now) {
  while (!heap_.empty() && heap_.front().at <= now) {
    const Lease* lease = Find(heap_.front().request_id);
    const bool live = lease != nullptr && lease->id == heap_.front().lease_id;
    if (live && lease->expires_at <= now) return lease;
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
    if (live) Push(*lease);  // renewed to later: look again then
  }
  return nullptr;
}

MonotonicTime LeaseTable::next_expiry() const {
  return heap_.empty() ? absl::InfiniteDuration() : heap_.front().at;
}

void LeaseTable::Push(const Lease& lease) {
  heap_.push_back({lease.expires_at, lease.id, lease.request_id});
  std::push_heap(heap_.begin(), heap_.end());
  RebuildHeapIfMostlySpare();
}

void LeaseTable::RebuildHeapIfMostlySpare() {
  constexpr std::size_t kTolerated = 1024;
  if (heap_.size() <= 2 * by_request_.size() + kTolerated) return;
  heap_.clear();
  for (const auto& [id, lease] : by_request_) {
    heap_.push_back({lease->expires_at, lease->id, lease->request_id});
  }
  std::make_heap(heap_.begin(), heap_.end());
}

}  // namespace eldr
