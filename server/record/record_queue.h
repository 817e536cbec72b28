// Records that wait for the disk, in the order of their places.
#ifndef ELDR_SERVER_RECORD_RECORD_QUEUE_H_
#define ELDR_SERVER_RECORD_RECORD_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "core/base/mutex.h"

namespace eldr {

// Bounded: what does not fit is dropped and counted. Nobody waits for the disk, nor for more than a
// few moved strings. Thread-safe.
class RecordQueue {
 public:
  using Place = std::uint64_t;
  // What is ready to be written.
  struct Batch {
    std::string bytes;
    std::uint64_t records = 0;
  };

  explicit RecordQueue(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  void Append(std::string record);
  // Keeps a place for a record whose bytes follow by Fill(): whatever is appended from now on comes
  // after it. For who learns under a lock that something happens, and may describe it only later.
  Place Reserve();
  void Fill(Place place, std::string record);

  // The records up to the first place that is not filled. One that stays so for kMostWaits calls is
  // given up, and dropped.
  Batch Take();
  // All of them; no place will be filled any more.
  Batch TakeRest();
  std::uint64_t dropped() const;

  static constexpr int kMostWaits = 20;

 private:
  struct Slot {
    std::string bytes;
    bool filled = false;
  };
  // Whether the queue has room for the record, which is counted then.
  bool Count(const std::string& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes so many from the front.
  std::deque<Slot> Move(std::size_t count) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static Batch Join(const std::deque<Slot>& slots);

  const std::size_t most_bytes_;
  mutable Mutex mutex_;
  std::deque<Slot> slots_ ABSL_GUARDED_BY(mutex_);
  Place first_ ABSL_GUARDED_BY(mutex_) = 0;  // of slots_.front()
  std::size_t unfilled_ ABSL_GUARDED_BY(mutex_) = 0;
  std::size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t dropped_ ABSL_GUARDED_BY(mutex_) = 0;
  int waits_ ABSL_GUARDED_BY(mutex_) = 0;  // calls of Take() that found the first place not filled
};

}  // namespace eldr

#endif  // ELDR_SERVER_RECORD_RECORD_QUEUE_H_
