// Work that waits its turn, and is refused when turns take too long to come.
#ifndef ELDR_SERVER_RPC_WORK_LINE_H_
#define ELDR_SERVER_RPC_WORK_LINE_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/base/clock.h"

namespace eldr {

// What keeps a processor busy for long, compared with a call's way through gRPC. If it ran on
// gRPC's few threads whenever they come, these would read no further under load: calls would age in
// sockets where nobody sees their age, cancellations would be read too late, and all work would be
// done for callers that have given up. So at most `width` pieces run at a time, on the caller's
// thread while no one waits, else on the line's own threads and in the order they came; and since
// each one's age is known, what comes while the first has waited for `max_wait` is refused.
//
// Thread-safe.
class WorkLine {
 public:
  using Work = absl::AnyInvocable<void()>;

  // REQUIRES: width > 0. `clock` must outlive it.
  WorkLine(std::size_t width, absl::Duration max_wait, const Clock& clock);
  // Runs what waits, then ends its threads.
  ~WorkLine();
  WorkLine(const WorkLine&) = delete;
  WorkLine& operator=(const WorkLine&) = delete;

  // True if the caller may do its work now, on its own thread; it then calls Leave().
  bool TryEnter();
  void Leave();

  // Runs `work` on another thread when its turn comes. RESOURCE_EXHAUSTED of the limit queue_wait,
  // and `work` is never run, if the line is too slow.
  absl::Status Queue(Work work);

  std::size_t waiting() const;

 private:
  struct Item {
    Work work;
    MonotonicTime since;
  };

  void Serve();

  const std::size_t width_;
  const absl::Duration max_wait_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable turn_;
  std::deque<Item> items_;
  std::size_t running_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

// How many pieces of work run at a time on this machine: half of its processors, as the other half
// reads, parses and answers.
std::size_t WorkLineWidth();

}  // namespace eldr

#endif  // ELDR_SERVER_RPC_WORK_LINE_H_
