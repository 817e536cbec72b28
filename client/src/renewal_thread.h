// The thread that keeps a client's leases.
#ifndef ELDR_CLIENT_SRC_RENEWAL_THREAD_H_
#define ELDR_CLIENT_SRC_RENEWAL_THREAD_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/src/lease_renewals.h"

namespace eldr::client::internal {

// Runs LeaseRenewals::Step() when it is due. Thread-safe. A client that keeps no lease has no
// thread: the first Wake() starts it.
class RenewalThread {
 public:
  // `renewals` outlives the thread; `now` is the clock of its times, callable from any thread.
  RenewalThread(LeaseRenewals* renewals, std::function<absl::Duration()> now);
  // Sends the queued releases (waiting for that call at most as long as a call may take) and ends.
  // On the thread itself, which lets go of owners, nothing is queued any more and nothing waits.
  ~RenewalThread();

  // Says that a lease was added.
  void Wake();
  // Sends what was queued, and then lets go of `owner`, which owns this object: it may be the last
  // that is held of it, and whoever calls is not to wait for its end.
  void LetGo(std::shared_ptr<void> owner);
  // Waits until the releases are sent, or have failed, that were queued before an owner was let go.
  void Flush();

 private:
  // What the thread shares with this object, and keeps if that ends before it.
  struct State {
    absl::Mutex mutex;
    absl::CondVar changed;
    bool woken ABSL_GUARDED_BY(mutex) = false;
    bool stop ABSL_GUARDED_BY(mutex) = false;
    bool orphan ABSL_GUARDED_BY(mutex) = false;  // the renewals are gone
    std::vector<std::shared_ptr<void>> owners ABSL_GUARDED_BY(mutex);
    // How many owners were to be let go in all, and for how many of them all is sent.
    uint64_t queued ABSL_GUARDED_BY(mutex) = 0;
    uint64_t sent ABSL_GUARDED_BY(mutex) = 0;
  };

  static void Run(const std::shared_ptr<State>& state, LeaseRenewals* renewals,
                  const std::function<absl::Duration()>& now);
  void WakeLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mutex);

  LeaseRenewals* const renewals_;
  const std::function<absl::Duration()> now_;
  const std::shared_ptr<State> state_;
  std::thread thread_ ABSL_GUARDED_BY(state_->mutex);
};

}  // namespace eldr::client::internal

#endif  // ELDR_CLIENT_SRC_RENEWAL_THREAD_H_
