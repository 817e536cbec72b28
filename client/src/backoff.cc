#include "client/src/backoff.h"

#include <algorithm>

namespace eldr::client::internal {

Backoff::Backoff(const RetryOptions& options)
    : multiplier_(options.multiplier),
      max_(options.max_backoff),
      bound_(std::min(options.initial_backoff, options.max_backoff)) {}

absl::Duration Backoff::Next(double chance) {
  const absl::Duration pause = bound_ * (0.5 + 0.5 * chance);
  bound_ = std::min(bound_ * multiplier_, max_);
  return pause;
}

}  // namespace eldr::client::internal
