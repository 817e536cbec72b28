#include "server/rpc/work_line.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/limit_exceeded.h"

namespace eldr {

WorkLine::WorkLine(std::size_t width, absl::Duration max_wait, const Clock& clock)
    : width_(width), max_wait_(max_wait), clock_(clock) {
  for (std::size_t i = 0; i < width; ++i) threads_.emplace_back([this] { Serve(); });
}

WorkLine::~WorkLine() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ending_ = true;
  }
  turn_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool WorkLine::TryEnter() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (running_ == width_ || !items_.empty()) return false;
  ++running_;
  return true;
}

void WorkLine::Leave() {
  bool wake = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    --running_;
    wake = !items_.empty();
  }
  if (wake) turn_.notify_one();
}

absl::Status WorkLine::Queue(Work work) {
  const MonotonicTime now = clock_.Monotonic();
  bool wake = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!items_.empty() && now - items_.front().since > max_wait_) {
      return LimitExceeded(
          "queue_wait",
          absl::StrCat("limits.queue_wait: the first of ", items_.size(),
                       " queries has waited for more than ", absl::FormatDuration(max_wait_),
                       ", the limit; retry with backoff"));
    }
    items_.push_back({std::move(work), now});
    wake = running_ < width_;
  }
  if (wake) turn_.notify_one();
  return absl::OkStatus();
}

std::size_t WorkLine::waiting() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return items_.size();
}

void WorkLine::Serve() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    turn_.wait(lock, [this] { return ending_ || (!items_.empty() && running_ < width_); });
    if (items_.empty()) return;
    ++running_;
    // One after the other without a wait in between: under load that saves a wake-up per piece.
    while (!items_.empty()) {
      Work work = std::move(items_.front().work);
      items_.pop_front();
      lock.unlock();
      work();
      work = nullptr;
      lock.lock();
    }
    --running_;
  }
}

std::size_t WorkLineWidth() {
  return std::max<std::size_t>(std::thread::hardware_concurrency() / 2, 1);
}

}  // namespace eldr
