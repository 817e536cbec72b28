// The one seam to time. Code that needs the time is handed a Clock; only main builds a real one.
#ifndef ELDR_CORE_BASE_CLOCK_H_
#define ELDR_CORE_BASE_CLOCK_H_

#include "absl/time/time.h"

namespace eldr {

// A reading of the monotonic clock: the time since an arbitrary start. Its type differs from
// absl::Time on purpose, so that ages can never be taken from a wall clock that steps.
using MonotonicTime = absl::Duration;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // For ages, deadlines and durations; never goes back.
  virtual MonotonicTime Monotonic() const = 0;
  // For stamps that people read; may step.
  virtual absl::Time Wall() const = 0;
};

// The machine's clocks. Lives forever.
const Clock& RealClock();

}  // namespace eldr

#endif  // ELDR_CORE_BASE_CLOCK_H_
