// The retry loop, apart from any RPC, so that it can be tested without one.
#ifndef ELDR_CLIENT_SRC_RETRY_H_
#define ELDR_CLIENT_SRC_RETRY_H_

#include <functional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "eldr/client/options.h"

namespace eldr::client::internal {

// Whether a call may be made again when it is not known what became of it.
enum class Repeat { kSafe, kNever };

// Time and chance as the loop sees them. All three must be callable from any thread.
struct RetryEnvironment {
  std::function<absl::Duration()> now;  // monotonic, since an arbitrary start
  std::function<void(absl::Duration)> sleep;
  std::function<double()> chance;  // uniform in [0, 1)
};

// The machine's clock and sleep, and a generator seeded by it.
RetryEnvironment RealRetryEnvironment();

// Calls `attempt` with the time it may take, and again after a pause while it fails with
// UNAVAILABLE, as long as attempts and timeout last. Returns what the last attempt returned: where
// the next pause would outlast the timeout, that error says more than DEADLINE_EXCEEDED would.
absl::Status CallWithRetry(const RetryOptions& options, Repeat repeat, absl::Duration timeout,
                           const RetryEnvironment& environment,
                           absl::FunctionRef<absl::Status(absl::Duration remaining)> attempt);

}  // namespace eldr::client::internal

#endif  // ELDR_CLIENT_SRC_RETRY_H_
