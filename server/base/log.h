// The log of the process: one structured line per event, as key=value text or as JSON.
#ifndef ELDR_SERVER_BASE_LOG_H_
#define ELDR_SERVER_BASE_LOG_H_

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <thread>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "server/base/log_line.h"
#include "server/base/log_output.h"
#include "server/base/log_queue.h"
#include "server/config/config.h"

namespace eldr {

// A thread of its own writes, because lines come from under the locks of models: whoever logs only
// queues a line, whether anybody reads the other end or not. Bounded in three ways: the queue,
// whose oldest lines give way; the lines of one event in a second; and the time that the end waits
// for the last lines. What is left out is counted, and told of in a line `log_lines_left_out`.
//
// Thread-safe.
class Log {
 public:
  using Fields = std::initializer_list<LogField>;
  // The most lines of one event in a second.
  static constexpr std::uint64_t kLinesPerSecond = 1000;

  // Writes to `output`; nullptr means standard error. `clock` must outlive the log.
  Log(const LogConfig& config, const Clock& clock, std::shared_ptr<LogOutput> output = nullptr);
  // Writes what is queued, for a second at most: by then nobody reads it.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void Info(absl::string_view event, Fields fields = {}) { Write(LogLevel::kInfo, event, fields); }
  void Warning(absl::string_view event, Fields fields = {}) {
    Write(LogLevel::kWarning, event, fields);
  }
  void Error(absl::string_view event, Fields fields = {}) {
    Write(LogLevel::kError, event, fields);
  }
  void Write(LogLevel level, absl::string_view event, Fields fields) {
    Write(level, event, fields, event, kLinesPerSecond);
  }
  // The same, with the most lines of `kind` in a second; kinds are few, as events are.
  void Write(LogLevel level, absl::string_view event, Fields fields, absl::string_view kind,
             std::uint64_t per_second);

  // Lines of lower levels are not written from now on.
  void set_level(LogLevel level) { level_.store(level, std::memory_order_relaxed); }
  LogLevel level() const { return level_.load(std::memory_order_relaxed); }

  // Waits until what was logged so far is written, at most for `patience`. For those who are about
  // to end the process in a way that runs no destructors.
  void Flush(absl::Duration patience) { queue_->Flush(patience); }

  LogCounts counts() const { return queue_->counts(); }

 private:
  const bool json_;
  const Clock& clock_;
  std::atomic<LogLevel> level_;
  // Shared with the thread, which outlives the log if it is stuck in a write.
  const std::shared_ptr<LogQueue> queue_;
  std::thread writer_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_LOG_H_
