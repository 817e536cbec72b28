#include "server/rpc/work_line.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/limit_exceeded.h"

namespace eldr {

WorkLine::WorkLine(std::size_t width, absl::Duration max_wait, const Clock& clock)
    : width_(width), max_wait_(max_wait), clock_(clock) {}

WorkLine::~WorkLine() {
  std::unique_lock<std::mutex> lock(mutex_);
  ending_ = true;
  turn_.notify_all();
  // One thread at a time: until the last piece has run, one may be made for another.
  while (true) {
    turn_.wait(lock, [this] { return !threads_.empty() || (running_ == 0 && turns_.empty()); });
    if (threads_.empty()) return;
    std::thread thread = std::move(threads_.back());
    threads_.pop_back();
    lock.unlock();
    thread.join();
    lock.lock();
  }
}

WorkLine::Turn WorkLine::TryEnter(absl::string_view model) {
  std::lock_guard<std::mutex> lock(mutex_);
  // Not beyond the width, even for a model of which nothing runs: this is one of gRPC's threads.
  if (running_ >= width_ || !turns_.empty()) return {};
  Line& line = LineOf(model);
  ++running_;
  ++line.running;
  return Turn(this, &line);
}

void WorkLine::Leave(Line& line) {
  std::lock_guard<std::mutex> lock(mutex_);
  --running_;
  --line.running;
  Wake();
  // Under the lock: it may be gone once this lets go.
  if (ending_) turn_.notify_all();
}

absl::Status WorkLine::Queue(absl::string_view model, Work work) {
  const MonotonicTime now = clock_.Monotonic();
  std::lock_guard<std::mutex> lock(mutex_);
  Line& line = LineOf(model);
  if (!line.items.empty() && now - line.items.front().since > max_wait_) {
    return LimitExceeded(
        "queue_wait",
        absl::StrCat("the first of ", line.items.size(), " queries has waited for more than ",
                     absl::FormatDuration(max_wait_), ", the limit; retry with backoff"));
  }
  line.items.push_back({std::move(work), now});
  if (line.items.size() == 1) turns_.push_back(&line);
  Wake();
  return absl::OkStatus();
}

std::size_t WorkLine::waiting() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::size_t waiting = 0;
  for (const Line* const line : turns_) waiting += line->items.size();
  return waiting;
}

WorkLine::Line& WorkLine::LineOf(absl::string_view model) {
  const auto found = lines_.find(model);
  return found == lines_.end() ? lines_[std::string(model)] : found->second;
}

WorkLine::Line* WorkLine::NextLine() {
  const auto next = std::find_if(turns_.begin(), turns_.end(),
                                 [this](const Line* line) { return MayRun(*line); });
  if (next == turns_.end()) return nullptr;
  Line* const line = *next;
  turns_.erase(next);
  return line;
}

bool WorkLine::AnyMayRun() const {
  return std::any_of(turns_.begin(), turns_.end(),
                     [this](const Line* line) { return MayRun(*line); });
}

void WorkLine::Wake() {
  if (!AnyMayRun()) return;
  if (idle_ > 0) {
    // It may be awake already, with other work; once it has taken that, it comes here itself.
    turn_.notify_one();
  } else if (threads_.size() < width_ + lines_.size()) {
    threads_.emplace_back([this] { Serve(); });
  }
}

void WorkLine::Serve() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    Line* const line = NextLine();
    if (line == nullptr) {
      if (ending_ && turns_.empty()) return;
      ++idle_;
      turn_.wait(lock, [this] { return AnyMayRun() || (ending_ && turns_.empty()); });
      --idle_;
      continue;
    }
    Work work = std::move(line->items.front().work);
    line->items.pop_front();
    if (!line->items.empty()) {
      turns_.push_back(line);
    } else if (ending_ && turns_.empty()) {
      turn_.notify_all();  // nothing comes any more
    }
    ++running_;
    ++line->running;
    Wake();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
    --running_;
    --line->running;
  }
}

std::size_t WorkLineWidth(double processors) {
  return std::max<std::size_t>(static_cast<std::size_t>(processors / 2), 1);
}

}  // namespace eldr
