#include "client/src/renewal_thread.h"

#include <utility>

namespace eldr::client::internal {

RenewalThread::RenewalThread(LeaseRenewals* renewals, std::function<absl::Duration()> now)
    : renewals_(renewals), now_(std::move(now)) {}

RenewalThread::~RenewalThread() {
  std::thread thread;
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
    changed_.Signal();
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

void RenewalThread::Wake() {
  absl::MutexLock lock(&mutex_);
  woken_ = true;
  changed_.Signal();
  if (!thread_.joinable() && !stop_) thread_ = std::thread([this] { Run(); });
}

void RenewalThread::Run() {
  for (;;) {
    const absl::Duration next = renewals_->Step(now_());
    absl::MutexLock lock(&mutex_);
    while (!woken_ && !stop_) {
      const absl::Duration wait = next - now_();
      if (wait <= absl::ZeroDuration()) break;
      changed_.WaitWithTimeout(&mutex_, wait);
    }
    woken_ = false;
    if (stop_) break;
  }
  renewals_->ReleaseQueued();
}

}  // namespace eldr::client::internal
