// Work that waits its turn, and is refused when turns take too long to come.
#ifndef ELDR_SERVER_RPC_ADMISSION_QUEUE_H_
#define ELDR_SERVER_RPC_ADMISSION_QUEUE_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/clock.h"

namespace eldr {

// What keeps a processor busy for long, compared with a call's way through gRPC. If it ran on
// gRPC's few threads whenever they come, these would read no further under load: calls would age in
// sockets where nobody sees their age, cancellations would be read too late, and all work would be
// done for callers that have given up. So at most `width` pieces run at a time, on the caller's
// thread while no one waits, else on threads of its own; and since each one's age is known, what
// comes while the first has waited for `max_wait` is refused.
//
// Each model has a queue of its own, in which pieces run in the order they came, and the queues
// take turns. One piece of each model may run beyond `width`: work of a model waits for that
// model's lock, and the slow must not keep the others waiting.
//
// Thread-safe. Remembers every model that it is told of.
class AdmissionQueue {
 private:
  struct ModelQueue;

 public:
  using Work = absl::AnyInvocable<void()>;

  // Permission to work, until it goes.
  class Turn {
   public:
    Turn() = default;
    Turn(Turn&& other) noexcept
        : admission_queue_(std::exchange(other.admission_queue_, nullptr)), queue_(other.queue_) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (admission_queue_ != nullptr) admission_queue_->Leave(*queue_);
    }
    explicit operator bool() const { return admission_queue_ != nullptr; }

   private:
    friend class AdmissionQueue;
    Turn(AdmissionQueue* admission_queue, ModelQueue* queue)
        : admission_queue_(admission_queue), queue_(queue) {}

    AdmissionQueue* admission_queue_ = nullptr;
    ModelQueue* queue_ = nullptr;
  };

  // REQUIRES: width > 0. `clock` must outlive it.
  AdmissionQueue(std::size_t width, absl::Duration max_wait, const Clock& clock);
  // Runs what waits, ends its threads, and waits for turns that are still held: who has answered a
  // call in its turn gives the turn back a moment later, when the call may be over for all others.
  ~AdmissionQueue();
  AdmissionQueue(const AdmissionQueue&) = delete;
  AdmissionQueue& operator=(const AdmissionQueue&) = delete;

  // True if the caller may do its work for the model now, on its own thread.
  Turn TryEnter(absl::string_view model);

  // Runs `work` on another thread when its turn comes. RESOURCE_EXHAUSTED of the limit queue_wait,
  // and `work` is never run, if the model's queue is too slow.
  absl::Status Queue(absl::string_view model, Work work);

  std::size_t width() const { return width_; }
  // Pieces that wait, of all models.
  std::size_t waiting() const;

 private:
  struct Item {
    Work work;
    MonotonicTime since;
  };
  struct ModelQueue {
    std::deque<Item> items;
    std::size_t running = 0;
  };

  // All of these are called with mutex_ held.
  ModelQueue& QueueOf(absl::string_view model);
  bool MayRun(const ModelQueue& queue) const { return running_ < width_ || queue.running == 0; }
  // Takes the first queue whose turn it is and that may run; nullptr if there is none.
  ModelQueue* NextQueue();
  bool AnyMayRun() const;
  // Sees to it that a thread takes what may run.
  void Wake();

  void Leave(ModelQueue& queue);
  void Serve();

  const std::size_t width_;
  const absl::Duration max_wait_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable turn_;
  std::map<std::string, ModelQueue, std::less<>> queues_;
  std::deque<ModelQueue*> turns_;  // the queues in which work waits, by whose turn it is
  std::size_t running_ = 0;        // pieces, on whatever thread
  std::size_t idle_ = 0;           // threads of its own that wait
  bool ending_ = false;
  // Made when they are needed, at most `width` and one for each queue.
  std::vector<std::thread> threads_;
};

// The width for so many processors, if none is set: half of them, as the other half reads, parses
// and answers. At least 1.
std::size_t AdmissionQueueWidth(double processors);

}  // namespace eldr

#endif  // ELDR_SERVER_RPC_ADMISSION_QUEUE_H_
