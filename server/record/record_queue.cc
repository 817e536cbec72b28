#include "server/record/record_queue.h"

#include <algorithm>

namespace eldr {

bool RecordQueue::Count(const std::string& record) {
  if (bytes_ + record.size() > most_bytes_) {
    ++dropped_;
    return false;
  }
  bytes_ += record.size();
  return true;
}

void RecordQueue::Append(std::string record) {
  MutexLock lock(mutex_);
  if (Count(record)) slots_.push_back({std::move(record), true});
}

RecordQueue::Place RecordQueue::Reserve() {
  MutexLock lock(mutex_);
  slots_.emplace_back();
  ++unfilled_;
  return first_ + slots_.size() - 1;
}

void RecordQueue::Fill(Place place, std::string record) {
  MutexLock lock(mutex_);
  if (place < first_) return;  // given up, and counted then
  Slot& slot = slots_[place - first_];
  slot.filled = true;
  --unfilled_;
  if (Count(record)) slot.bytes = std::move(record);
}

std::deque<RecordQueue::Slot> RecordQueue::Move(std::size_t count) {
  std::deque<Slot> moved;
  first_ += count;
  if (count == slots_.size()) {
    moved.swap(slots_);
    bytes_ = 0;
    unfilled_ = 0;
    return moved;
  }
  for (; count > 0; --count) {
    bytes_ -= slots_.front().bytes.size();
    moved.push_back(std::move(slots_.front()));
    slots_.pop_front();
  }
  return moved;
}

// A place that was given up, or filled with what did not fit, has no bytes.
RecordQueue::Batch RecordQueue::Join(const std::deque<Slot>& slots) {
  Batch batch;
  for (const Slot& slot : slots) {
    batch.bytes += slot.bytes;
    if (!slot.bytes.empty()) ++batch.records;
  }
  return batch;
}

RecordQueue::Batch RecordQueue::Take() {
  std::deque<Slot> ready;
  {
    MutexLock lock(mutex_);
    const auto waits = [](const Slot& slot) { return !slot.filled; };
    auto end = unfilled_ == 0 ? slots_.end() : std::find_if(slots_.begin(), slots_.end(), waits);
    if (end != slots_.end() && end == slots_.begin() && ++waits_ > kMostWaits) {
      end->filled = true;
      --unfilled_;
      ++dropped_;
      end = std::find_if(slots_.begin(), slots_.end(), waits);
    }
    if (end != slots_.begin()) waits_ = 0;
    ready = Move(static_cast<std::size_t>(end - slots_.begin()));
  }
  return Join(ready);
}

RecordQueue::Batch RecordQueue::TakeRest() {
  std::deque<Slot> rest;
  {
    MutexLock lock(mutex_);
    rest = Move(slots_.size());
  }
  return Join(rest);
}

std::uint64_t RecordQueue::dropped() const {
  MutexLock lock(mutex_);
  return dropped_;
}

}  // namespace eldr
