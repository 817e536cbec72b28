#include "server/base/ticker.h"

#include <chrono>
#include <utility>

namespace eldr {

Ticker::Ticker(absl::Duration interval, std::function<void()> work)
    : thread_([this, interval, work = std::move(work)] { Run(interval, work); }) {}

void Ticker::Run(absl::Duration interval, const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  while (true) {
    const Clock::time_point due = Clock::now() + absl::ToChronoNanoseconds(interval);
    {
      MutexLock lock(mutex_);
      while (!stop_ && Clock::now() < due) {
        wake_.WaitFor(mutex_, absl::FromChrono(due - Clock::now()));
      }
      if (stop_) return;
    }
    work();
  }
}

Ticker::~Ticker() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
    wake_.NotifyAll();
  }
  thread_.join();
}

}  // namespace eldr
