#include "core/fleet/lease_table.h"

#include <algorithm>
#include <utility>

namespace eldr {

std::unique_ptr<Lease> LeaseTable::NewLease() {
  if (spare_.empty()) return std::make_unique<Lease>();
  std::unique_ptr<Lease> lease = std::move(spare_.back());
  spare_.pop_back();
  Lease fresh;
  fresh.request_id = std::move(lease->request_id);
  fresh.request_id.clear();
  fresh.contribution = std::move(lease->contribution);
  fresh.contribution.clear();
  *lease = std::move(fresh);
  return lease;
}

void LeaseTable::Recycle(std::unique_ptr<Lease> lease) {
  if (spare_.size() < kMostSpare) spare_.push_back(std::move(lease));
}

Lease* LeaseTable::Insert(std::unique_ptr<Lease> lease) {
  Lease* inserted = lease.get();
  by_request_.emplace(inserted->request_id, std::move(lease));
  heap_.push_back({inserted->expires_at, inserted});
  SiftUp(heap_.size() - 1);
  return inserted;
}

Lease* LeaseTable::Find(absl::string_view request_id) const {
  const auto it = by_request_.find(request_id);
  return it == by_request_.end() ? nullptr : it->second.get();
}

std::unique_ptr<Lease> LeaseTable::Take(const Lease& lease) {
  const std::size_t place = lease.place_by_expiry;
  const Deadline last = heap_.back();
  heap_.pop_back();
  if (place < heap_.size()) {
    Put(place, last);
    SiftUp(place);
    SiftDown(last.lease->place_by_expiry);
  }
  const auto it = by_request_.find(lease.request_id);
  std::unique_ptr<Lease> taken = std::move(it->second);
  by_request_.erase(it);
  return taken;
}

void LeaseTable::Renew(Lease& lease, absl::Duration ttl, MonotonicTime now) {
  lease.ttl = ttl;
  lease.expires_at = now + ttl;
  heap_[lease.place_by_expiry].at = lease.expires_at;
  SiftUp(lease.place_by_expiry);
  SiftDown(lease.place_by_expiry);
}

const Lease* LeaseTable::NextExpired(MonotonicTime now) const {
  return heap_.empty() || heap_.front().at > now ? nullptr : heap_.front().lease;
}

MonotonicTime LeaseTable::next_expiry() const {
  return heap_.empty() ? absl::InfiniteDuration() : heap_.front().at;
}

bool LeaseTable::Sooner(const Deadline& a, const Deadline& b) {
  return a.at != b.at ? a.at < b.at : a.lease->id < b.lease->id;
}

void LeaseTable::Put(std::size_t place, const Deadline& deadline) {
  heap_[place] = deadline;
  deadline.lease->place_by_expiry = place;
}

void LeaseTable::SiftUp(std::size_t place) {
  const Deadline moved = heap_[place];
  while (place > 0) {
    const std::size_t parent = (place - 1) / 2;
    if (!Sooner(moved, heap_[parent])) break;
    Put(place, heap_[parent]);
    place = parent;
  }
  Put(place, moved);
}

void LeaseTable::SiftDown(std::size_t place) {
  const Deadline moved = heap_[place];
  while (2 * place + 1 < heap_.size()) {
    std::size_t child = 2 * place + 1;
    if (child + 1 < heap_.size() && Sooner(heap_[child + 1], heap_[child])) ++child;
    if (!Sooner(heap_[child], moved)) break;
    Put(place, heap_[child]);
    place = child;
  }
  Put(place, moved);
}

}  // namespace eldr
