// Lines on their way from those who log to the one who writes.
#ifndef ELDR_SERVER_BASE_LOG_QUEUE_H_
#define ELDR_SERVER_BASE_LOG_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "server/base/line_limit.h"
#include "server/base/log_output.h"

namespace eldr {

// What has become of all lines so far.
struct LogCounts {
  std::uint64_t written = 0;
  std::uint64_t left_out_by_rate = 0;    // more of one kind than may be written in a second
  std::uint64_t left_out_by_queue = 0;   // nobody read fast enough
  std::uint64_t left_out_by_output = 0;  // the file refused them
};

// Bounded: the oldest lines give way. Thread-safe; shared by the log and its writer, which may be
// stuck in a write when the log goes.
class LogQueue {
 public:
  // Makes the line that tells of `lines` lines left out because of `cause`; `event` is theirs, or
  // empty for lines of any kind. Not called any more once GiveUp() has returned.
  using Tell = std::function<std::string(absl::string_view event, std::uint64_t lines,
                                         absl::string_view cause)>;

  // `clock` must stay until GiveUp() or Run() has returned.
  LogQueue(const Clock& clock, Tell tell) : clock_(clock), tell_(std::move(tell)) {}

  // False, and the line is counted as left out, if there have been `per_second` lines of the key in
  // this second. Ask before the line is made.
  bool Admit(absl::string_view key, std::uint64_t per_second);
  void Push(std::string line);

  // Writes what comes, in order, until End(), and then what is there; ends early on GiveUp().
  void Run(LogOutput& output);

  // Lets Run() end; true once everything is written, false if that took longer than `patience`.
  bool End(absl::Duration patience);
  // Waits until all that was pushed so far is written or lost, at most for `patience`.
  void Flush(absl::Duration patience);
  void GiveUp();

  LogCounts counts() const;

 private:
  // The next line; nothing if there will be none.
  std::optional<std::string> Next();
  void Append(std::string line) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Queues the lines that tell of what was left out.
  void TellLeftOut() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // True once `condition`, which is asked under the lock, holds; false if `patience` ends before.
  bool WaitFor(absl::Duration patience, absl::FunctionRef<bool()> condition);

  const Clock& clock_;
  const Tell tell_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<std::string> lines_ ABSL_GUARDED_BY(mutex_);
  std::size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  LineLimit limit_ ABSL_GUARDED_BY(mutex_);
  LogCounts counts_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t untold_queue_ ABSL_GUARDED_BY(mutex_) = 0;  // left out and not told of yet
  std::uint64_t untold_output_ ABSL_GUARDED_BY(mutex_) = 0;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;      // a line is taken and not yet written
  bool output_works_ ABSL_GUARDED_BY(mutex_) = true;  // the last line was written
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;  // all is written, and no more will be
  bool given_up_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_LOG_QUEUE_H_
