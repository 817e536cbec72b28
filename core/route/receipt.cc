#include "core/route/receipt.h"

namespace eldr {

Receipt* ReceiptRing::Next() {
  if (capacity_ == 0) return nullptr;
  if (ring_.size() < capacity_) {
    next_ = ring_.size();
    return &ring_.emplace_back();
  }
  next_ = (next_ + 1) % capacity_;
  Receipt& oldest = ring_[next_];
  // A later receipt of the same request may have taken its place in the index.
  const auto it = by_request_.find(oldest.request_id);
  if (it != by_request_.end() && it->second == next_) by_request_.erase(it);
  return &oldest;
}

void ReceiptRing::Commit() {
  const std::string& request_id = ring_[next_].request_id;
  // Not an assignment: the key would stay the text of the slot before.
  by_request_.erase(request_id);
  by_request_.emplace(request_id, next_);
  ++committed_;
}

const Receipt* ReceiptRing::Find(absl::string_view request_id) const {
  const auto it = by_request_.find(request_id);
  return it == by_request_.end() ? nullptr : &ring_[it->second];
}

const Receipt* ReceiptRing::At(std::uint64_t sequence) const {
  if (sequence == 0 || sequence > committed_ || committed_ - sequence >= ring_.size()) {
    return nullptr;
  }
  return &ring_[(sequence - 1) % capacity_];
}

}  // namespace eldr
