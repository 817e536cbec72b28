#include "core/signature/signature_store.h"

#include <iterator>
#include <utility>

namespace eldr {

std::size_t SignatureStore::BytesOf(const StoredSignature& stored) {
  return sizeof(StoredSignature) + stored.signature.bytes() + 2 * stored.request_id.size() +
         stored.prefill_worker.size();
}

std::size_t SignatureStore::Put(StoredSignature stored) {
  Erase(stored.request_id);
  bytes_ += BytesOf(stored);
  entries_.push_back(std::move(stored));
  const auto entry = std::prev(entries_.end());
  by_request_[entry->request_id] = entry;
  std::size_t evicted = 0;
  while (bytes_ > max_bytes_ && entries_.size() > 1) {
    Drop(entries_.begin());
    ++evicted;
  }
  return evicted;
}

const StoredSignature* SignatureStore::Find(absl::string_view request_id) const {
  const auto it = by_request_.find(request_id);
  return it == by_request_.end() ? nullptr : &*it->second;
}

void SignatureStore::Erase(absl::string_view request_id) {
  const auto it = by_request_.find(request_id);
  if (it != by_request_.end()) Drop(it->second);
}

void SignatureStore::Drop(Entries::iterator entry) {
  bytes_ -= BytesOf(*entry);
  by_request_.erase(entry->request_id);
  entries_.erase(entry);
}

std::size_t SignatureStore::Expire(MonotonicTime now) {
  std::size_t expired = 0;
  while (next_expiry() <= now) {
    Drop(entries_.begin());
    ++expired;
  }
  return expired;
}

MonotonicTime SignatureStore::next_expiry() const {
  return entries_.empty() ? absl::InfiniteDuration() : entries_.front().pushed_at + ttl_;
}

}  // namespace eldr
