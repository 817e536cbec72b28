#include "client/src/renewal_thread.h"

#include <utility>

namespace eldr::client::internal {

RenewalThread::RenewalThread(LeaseRenewals* renewals, std::function<absl::Duration()> now)
    : renewals_(renewals), now_(std::move(now)), state_(std::make_shared<State>()) {}

RenewalThread::~RenewalThread() {
  std::thread thread;
  {
    absl::MutexLock lock(&state_->mutex);
    state_->stop = true;
    state_->changed.SignalAll();
    thread = std::move(thread_);
    state_->orphan = thread.get_id() == std::this_thread::get_id();
    if (state_->orphan) thread.detach();
  }
  if (thread.joinable()) thread.join();
}

void RenewalThread::WakeLocked() {
  state_->woken = true;
  state_->changed.SignalAll();
  if (thread_.joinable() || state_->stop) return;
  thread_ = std::thread(
      [state = state_, renewals = renewals_, now = now_] { Run(state, renewals, now); });
}

void RenewalThread::Wake() {
  absl::MutexLock lock(&state_->mutex);
  WakeLocked();
}

void RenewalThread::LetGo(std::shared_ptr<void> owner) {
  // Kept here: once the lock is given back, the thread may let go of the owner, and so of this.
  const std::shared_ptr<State> state = state_;
  absl::MutexLock lock(&state_->mutex);
  state_->owners.push_back(std::move(owner));
  ++state_->queued;
  WakeLocked();
}

void RenewalThread::Flush() {
  absl::MutexLock lock(&state_->mutex);
  const uint64_t before = state_->queued;
  while (state_->sent < before) state_->changed.Wait(&state_->mutex);
}

void RenewalThread::Run(const std::shared_ptr<State>& state, LeaseRenewals* renewals,
                        const std::function<absl::Duration()>& now) {
  for (;;) {
    std::vector<std::shared_ptr<void>> owners;
    {
      absl::MutexLock lock(&state->mutex);
      state->woken = false;
      owners.swap(state->owners);
    }
    const absl::Duration next = renewals->Step(now());
    {
      absl::MutexLock lock(&state->mutex);
      state->sent += owners.size();
      state->changed.SignalAll();
    }
    owners.clear();
    absl::MutexLock lock(&state->mutex);
    if (state->orphan) return;
    while (!state->woken && !state->stop) {
      const absl::Duration wait = next - now();
      if (wait <= absl::ZeroDuration()) break;
      state->changed.WaitWithTimeout(&state->mutex, wait);
    }
    if (state->stop) break;
  }
  renewals->ReleaseQueued();
}

}  // namespace eldr::client::internal
