#include "client/src/retry.h"

#include <chrono>
#include <memory>
#include <thread>

#include "absl/random/random.h"
#include "absl/synchronization/mutex.h"
#include "client/src/backoff.h"

namespace eldr::client::internal {

RetryEnvironment RealRetryEnvironment() {
  struct Generator {
    absl::Mutex mutex;
    absl::BitGen bits ABSL_GUARDED_BY(mutex);
  };
  auto generator = std::make_shared<Generator>();
  RetryEnvironment environment;
  environment.now = [] {
    return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
  };
  environment.sleep = [](absl::Duration pause) {
    std::this_thread::sleep_for(absl::ToChronoNanoseconds(pause));
  };
  environment.chance = [generator] {
    absl::MutexLock lock(&generator->mutex);
    return absl::Uniform(generator->bits, 0.0, 1.0);
  };
  return environment;
}

absl::Status CallWithRetry(const RetryOptions& options, Repeat repeat, absl::Duration timeout,
                           const RetryEnvironment& environment,
                           absl::FunctionRef<absl::Status(absl::Duration remaining)> attempt) {
  const absl::Duration deadline = environment.now() + timeout;
  Backoff backoff(options);
  absl::Duration remaining = timeout;
  for (int attempts = 1;; ++attempts) {
    absl::Status status = attempt(remaining);
    if (!absl::IsUnavailable(status) || repeat == Repeat::kNever ||
        attempts >= options.max_attempts) {
      return status;
    }
    const absl::Duration pause = backoff.Next(environment.chance());
    if (environment.now() + pause >= deadline) return status;
    environment.sleep(pause);
    remaining = deadline - environment.now();
    if (remaining <= absl::ZeroDuration()) return status;  // the sleep took longer than asked
  }
}

}  // namespace eldr::client::internal
