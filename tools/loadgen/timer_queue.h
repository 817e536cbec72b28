// Actions at their times, on the thread that runs the queue.
#ifndef ELDR_TOOLS_LOADGEN_TIMER_QUEUE_H_
#define ELDR_TOOLS_LOADGEN_TIMER_QUEUE_H_

#include <condition_variable>
#include <map>
#include <mutex>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "core/base/clock.h"

namespace eldr::loadgen {

class TimerQueue {
 public:
  using Action = absl::AnyInvocable<void()>;

  explicit TimerQueue(const Clock& clock) : clock_(clock) {}

  // Thread-safe. What is due at once runs as soon as the queue does.
  void At(MonotonicTime time, Action action);

  // Runs actions in the order of their times until `end`, or until `keep_on` answers false; it is
  // asked every 100 ms or more often. What is left stays in the queue.
  void RunUntil(MonotonicTime end, absl::FunctionRef<bool()> keep_on);

 private:
  const Clock& clock_;
  // Of the standard library: absl's can not wait on a deadline of the monotonic clock.
  std::mutex mutex_;
  std::condition_variable earlier_;
  std::multimap<MonotonicTime, Action> actions_;
};

}  // namespace eldr::loadgen

#endif  // ELDR_TOOLS_LOADGEN_TIMER_QUEUE_H_
