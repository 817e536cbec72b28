// How long to wait between the attempts of one call.
#ifndef ELDR_CLIENT_SRC_BACKOFF_H_
#define ELDR_CLIENT_SRC_BACKOFF_H_

#include "absl/time/time.h"
#include "eldr/client/options.h"

namespace eldr::client::internal {

// The growing bound of one call's pauses. Make a new one for each call. Not thread-safe.
class Backoff {
 public:
  explicit Backoff(const RetryOptions& options);

  // The next pause: between half of the bound (chance 0) and the bound (chance 1), which then
  // grows. Half is kept so that a retry is never immediate.
  absl::Duration Next(double chance);

 private:
  const double multiplier_;
  const absl::Duration max_;
  absl::Duration bound_;
};

}  // namespace eldr::client::internal

#endif  // ELDR_CLIENT_SRC_BACKOFF_H_
