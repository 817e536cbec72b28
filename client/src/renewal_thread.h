// The thread that keeps a client's leases.
#ifndef ELDR_CLIENT_SRC_RENEWAL_THREAD_H_
#define ELDR_CLIENT_SRC_RENEWAL_THREAD_H_

#include <functional>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/src/lease_renewals.h"

namespace eldr::client::internal {

// Runs LeaseRenewals::Step() when it is due. Thread-safe. A client that keeps no lease has no
// thread: the first Wake() starts it.
class RenewalThread {
 public:
  // `renewals` outlives the thread; `now` is the clock of its times.
  RenewalThread(LeaseRenewals* renewals, std::function<absl::Duration()> now);
  // Sends the queued releases (waiting for that call at most as long as a call may take) and ends.
  ~RenewalThread();

  // Says that a lease was added or a release queued.
  void Wake();

 private:
  void Run();

  LeaseRenewals* const renewals_;
  const std::function<absl::Duration()> now_;

  absl::Mutex mutex_;
  absl::CondVar changed_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace eldr::client::internal

#endif  // ELDR_CLIENT_SRC_RENEWAL_THREAD_H_
