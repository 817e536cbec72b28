#include "server/service/signature_wait.h"

#include <grpc/support/time.h>

namespace eldr {

std::shared_ptr<SignatureWait> SignatureWait::Start(Router& router, absl::string_view model,
                                                    absl::string_view request_id,
                                                    absl::Duration wait,
                                                    absl::AnyInvocable<void()> done) {
  std::shared_ptr<SignatureWait> self(new SignatureWait(router, model, std::move(done)));
  self->Begin(request_id, wait);
  return self;
}

void SignatureWait::Begin(absl::string_view request_id, absl::Duration wait) {
  const std::uint64_t id = router_.AwaitSignature(
      model_, request_id, [self = shared_from_this()] { self->OnArrival(); });
  if (id == 0) {
    if (Claim()) CallDone();
    return;
  }
  wait_id_.store(id);
  // The monotonic clock: a step of the wall clock must not stretch a wait. The alarm keeps its
  // callback for as long as it lives itself, so the callback gives up its reference when it runs,
  // or neither would ever be freed.
  const gpr_timespec deadline =
      gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                   gpr_time_from_nanos(absl::ToInt64Nanoseconds(wait), GPR_TIMESPAN));
  alarm_.Set(deadline, [self = shared_from_this()](bool) mutable {
    const std::shared_ptr<SignatureWait> last = std::move(self);
    last->OnAlarm();
  });
  // It may have arrived between the two, and found no alarm to cancel.
  if (claimed_.load()) alarm_.Cancel();
}

void SignatureWait::OnArrival() {
  if (!Claim()) return;
  alarm_.Cancel();
  CallDone();
}

void SignatureWait::OnAlarm() {
  if (!Claim()) return;
  router_.CancelWait(model_, wait_id_.load());
  CallDone();
}

bool SignatureWait::Cancel() {
  if (!Claim()) return false;
  router_.CancelWait(model_, wait_id_.load());
  alarm_.Cancel();
  done_ = nullptr;
  return true;
}

void SignatureWait::CallDone() {
  absl::AnyInvocable<void()> done = std::move(done_);
  done();
}

}  // namespace eldr
