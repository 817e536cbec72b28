// A queue in one block of memory.
#ifndef ELDR_CORE_BASE_RING_QUEUE_H_
#define ELDR_CORE_BASE_RING_QUEUE_H_

#include <cstddef>
#include <utility>
#include <vector>

namespace eldr {

// First in, first out. Allocates only to grow, where a std::deque allocates a block for every few
// elements that pass through it. Never shrinks. T is default-constructible. Not thread-safe.
template <typename T>
class RingQueue {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  // REQUIRES: not empty.
  const T& front() const { return slots_[first_]; }

  void push_back(T value) {
    if (size_ == slots_.size()) Grow();
    slots_[(first_ + size_) % slots_.size()] = std::move(value);
    ++size_;
  }
  // REQUIRES: not empty.
  void pop_front() {
    first_ = (first_ + 1) % slots_.size();
    --size_;
  }

 private:
  void Grow() {
    std::vector<T> larger(slots_.empty() ? 16 : 2 * slots_.size());
    for (std::size_t i = 0; i < size_; ++i) {
      larger[i] = std::move(slots_[(first_ + i) % slots_.size()]);
    }
    slots_ = std::move(larger);
    first_ = 0;
  }

  std::vector<T> slots_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace eldr

#endif  // ELDR_CORE_BASE_RING_QUEUE_H_
