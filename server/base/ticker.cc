#include "server/base/ticker.h"

#include <chrono>
#include <utility>

namespace eldr {

Ticker::Ticker(absl::Duration interval, std::function<void()> work)
    : thread_([this, interval, work = std::move(work)] { Run(interval, work); }) {}

void Ticker::Run(absl::Duration interval, const std::function<void()>& work) {
  using Steady = std::chrono::steady_clock;
  while (true) {
    const Steady::time_point due = Steady::now() + absl::ToChronoNanoseconds(interval);
    {
      MutexLock lock(mutex_);
      while (!stop_ && Steady::now() < due) {
        wake_.WaitFor(mutex_, absl::FromChrono(due - Steady::now()));
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
