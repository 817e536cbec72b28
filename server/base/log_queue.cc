#include "server/base/log_queue.h"

#include <chrono>
#include <utility>

namespace eldr {
namespace {

constexpr std::size_t kMaxLines = 8192;
constexpr std::size_t kMaxBytes = 8 << 20;
// How long what was left out may stay untold.
constexpr absl::Duration kTellInterval = absl::Seconds(1);

}  // namespace

bool LogQueue::Admit(absl::string_view key, std::uint64_t per_second) {
  const MonotonicTime now = clock_.Monotonic();
  MutexLock lock(mutex_);
  if (limit_.Take(key, per_second, now)) return true;
  ++counts_.left_out_by_rate;
  return false;
}

void LogQueue::Push(std::string line) {
  MutexLock lock(mutex_);
  Append(std::move(line));
  while (lines_.size() > kMaxLines || (bytes_ > kMaxBytes && lines_.size() > 1)) {
    bytes_ -= lines_.front().size();
    lines_.pop_front();
    ++counts_.left_out_by_queue;
    ++untold_queue_;
  }
  changed_.NotifyAll();
}

void LogQueue::Append(std::string line) {
  bytes_ += line.size();
  lines_.push_back(std::move(line));
}

void LogQueue::TellLeftOut() {
  const MonotonicTime now = ending_ ? absl::InfiniteDuration() : clock_.Monotonic();
  for (const auto& [event, lines] : limit_.TakeLeftOut(now)) {
    Append(tell_(event, lines, "rate"));
  }
  // In front: they stood before all that is there now.
  if (untold_queue_ > 0) {
    lines_.push_front(tell_("", std::exchange(untold_queue_, 0), "queue"));
    bytes_ += lines_.front().size();
  }
  if (output_works_ && untold_output_ > 0) {
    Append(tell_("", std::exchange(untold_output_, 0), "output"));
  }
}

std::optional<std::string> LogQueue::Next() {
  MutexLock lock(mutex_);
  while (true) {
    if (given_up_) return std::nullopt;
    TellLeftOut();
    if (!lines_.empty()) break;
    finished_ = ending_;
    changed_.NotifyAll();  // those who wait until all is written
    if (finished_) return std::nullopt;
    changed_.WaitFor(mutex_, kTellInterval);
  }
  std::string line = std::move(lines_.front());
  lines_.pop_front();
  bytes_ -= line.size();
  writing_ = true;
  return line;
}

void LogQueue::Run(LogOutput& output) {
  while (const std::optional<std::string> line = Next()) {
    LogOutput::Result result = LogOutput::Result::kLater;
    while (result == LogOutput::Result::kLater) {
      result = output.Write(*line);
      MutexLock lock(mutex_);
      if (given_up_) return;
    }
    MutexLock lock(mutex_);
    writing_ = false;
    output_works_ = result == LogOutput::Result::kWritten;
    if (output_works_) {
      ++counts_.written;
    } else {
      ++counts_.left_out_by_output;
      ++untold_output_;
    }
  }
}

bool LogQueue::WaitFor(absl::Duration patience, absl::FunctionRef<bool()> condition) {
  // By the machine's own time: a clock that stands still must not hold up who waits.
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(patience);
  MutexLock lock(mutex_);
  while (!condition()) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= left.zero()) return false;
    changed_.WaitFor(mutex_, absl::FromChrono(left));
  }
  return true;
}

bool LogQueue::End(absl::Duration patience) {
  {
    MutexLock lock(mutex_);
    ending_ = true;
    changed_.NotifyAll();
  }
  return WaitFor(patience, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return finished_; });
}

void LogQueue::Flush(absl::Duration patience) {
  WaitFor(patience,
          [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return lines_.empty() && !writing_; });
}

void LogQueue::GiveUp() {
  MutexLock lock(mutex_);
  given_up_ = true;
  changed_.NotifyAll();
}

LogCounts LogQueue::counts() const {
  MutexLock lock(mutex_);
  return counts_;
}

}  // namespace eldr
