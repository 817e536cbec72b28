#include "server/base/ticker.h"

#include <utility>

namespace eldr {

Ticker::Ticker(absl::Duration interval, std::function<void()> work)
    : thread_([this, pause = absl::ToChronoNanoseconds(interval), work = std::move(work)] {
        std::unique_lock<std::mutex> lock(mutex_);
        while (!wake_.wait_for(lock, pause, [this] { return stop_; })) {
          lock.unlock();
          work();
          lock.lock();
        }
      }) {}

Ticker::~Ticker() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

}  // namespace eldr
