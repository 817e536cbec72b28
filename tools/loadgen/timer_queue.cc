#include "tools/loadgen/timer_queue.h"

#include <sys/prctl.h>

#include <algorithm>
#include <utility>

namespace eldr::loadgen {
namespace {

constexpr absl::Duration kAskInterval = absl::Milliseconds(100);

}  // namespace

void TimerQueue::At(MonotonicTime time, Action action) {
  bool first = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    first = actions_.emplace(time, std::move(action)) == actions_.begin();
  }
  if (first) earlier_.notify_one();
}

void TimerQueue::RunUntil(MonotonicTime end, absl::FunctionRef<bool()> keep_on) {
  // The system wakes threads up to 50 us late by default, which is longer than a call.
  prctl(PR_SET_TIMERSLACK, 1);
  MonotonicTime ask = clock_.Monotonic();
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    const MonotonicTime now = clock_.Monotonic();
    if (now >= end) return;
    if (now >= ask) {
      lock.unlock();
      if (!keep_on()) return;
      lock.lock();
      ask = now + kAskInterval;
    }
    MonotonicTime next = std::min(end, ask);
    if (!actions_.empty()) next = std::min(next, actions_.begin()->first);
    if (next > now) {
      earlier_.wait_for(lock, absl::ToChronoNanoseconds(next - now));
      continue;
    }
    auto due = actions_.extract(actions_.begin());
    lock.unlock();
    due.mapped()();
    lock.lock();
  }
}

}  // namespace eldr::loadgen
