#include "server/rpc/admission_queue.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/limit_exceeded.h"

namespace eldr {

AdmissionQueue::AdmissionQueue(std::size_t width, absl::Duration max_wait, const Clock& clock)
    : width_(width), max_wait_(max_wait), clock_(clock) {}

AdmissionQueue::~AdmissionQueue() {
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

AdmissionQueue::Turn AdmissionQueue::TryEnter(absl::string_view model) {
  std::lock_guard<std::mutex> lock(mutex_);
  // Not beyond the width, even for a model of which nothing runs: this is one of gRPC's threads.
  if (running_ >= width_ || !turns_.empty()) return {};
  ModelQueue& queue = QueueOf(model);
  ++running_;
  ++queue.running;
  return Turn(this, &queue);
}

void AdmissionQueue::Leave(ModelQueue& queue) {
  std::lock_guard<std::mutex> lock(mutex_);
  --running_;
  --queue.running;
  Wake();
  // Under the lock: it may be gone once this lets go.
  if (ending_) turn_.notify_all();
}

absl::Status AdmissionQueue::Queue(absl::string_view model, Work work) {
  const MonotonicTime now = clock_.Monotonic();
  std::lock_guard<std::mutex> lock(mutex_);
  ModelQueue& queue = QueueOf(model);
  if (!queue.items.empty() && now - queue.items.front().since > max_wait_) {
    return LimitExceeded(
        "queue_wait",
        absl::StrCat("the first of ", queue.items.size(), " queries has waited for more than ",
                     absl::FormatDuration(max_wait_), ", the limit; retry with backoff"));
  }
  queue.items.push_back({std::move(work), now});
  if (queue.items.size() == 1) turns_.push_back(&queue);
  Wake();
  return absl::OkStatus();
}

std::size_t AdmissionQueue::waiting() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::size_t waiting = 0;
  for (const ModelQueue* const queue : turns_) waiting += queue->items.size();
  return waiting;
}

AdmissionQueue::ModelQueue& AdmissionQueue::QueueOf(absl::string_view model) {
  const auto found = queues_.find(model);
  return found == queues_.end() ? queues_[std::string(model)] : found->second;
}

AdmissionQueue::ModelQueue* AdmissionQueue::NextQueue() {
  const auto next = std::find_if(turns_.begin(), turns_.end(),
                                 [this](const ModelQueue* queue) { return MayRun(*queue); });
  if (next == turns_.end()) return nullptr;
  ModelQueue* const queue = *next;
  turns_.erase(next);
  return queue;
}

bool AdmissionQueue::AnyMayRun() const {
  return std::any_of(turns_.begin(), turns_.end(),
                     [this](const ModelQueue* queue) { return MayRun(*queue); });
}

void AdmissionQueue::Wake() {
  if (!AnyMayRun()) return;
  if (idle_ > 0) {
    // It may be awake already, with other work; once it has taken that, it comes here itself.
    turn_.notify_one();
  } else if (threads_.size() < width_ + queues_.size()) {
    threads_.emplace_back([this] { Serve(); });
  }
}

void AdmissionQueue::Serve() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    ModelQueue* const queue = NextQueue();
    if (queue == nullptr) {
      if (ending_ && turns_.empty()) return;
      ++idle_;
      turn_.wait(lock, [this] { return AnyMayRun() || (ending_ && turns_.empty()); });
      --idle_;
      continue;
    }
    Work work = std::move(queue->items.front().work);
    queue->items.pop_front();
    if (!queue->items.empty()) {
      turns_.push_back(queue);
    } else if (ending_ && turns_.empty()) {
      turn_.notify_all();  // nothing comes any more
    }
    ++running_;
    ++queue->running;
    Wake();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
    --running_;
    --queue->running;
  }
}

std::size_t AdmissionQueueWidth(double processors) {
  return std::max<std::size_t>(static_cast<std::size_t>(processors / 2), 1);
}

}  // namespace eldr
