// A clock that moves only when told.
#ifndef ELDR_TOOLS_REPLAY_VIRTUAL_CLOCK_H_
#define ELDR_TOOLS_REPLAY_VIRTUAL_CLOCK_H_

#include "core/base/clock.h"

namespace eldr::replay {

// Both sides start at zero, the wall clock's zero being the Unix epoch. Not thread-safe.
class VirtualClock final : public Clock {
 public:
  MonotonicTime Monotonic() const override { return now_; }
  absl::Time Wall() const override { return absl::UnixEpoch() + now_; }

  // REQUIRES: now >= Monotonic().
  void AdvanceTo(MonotonicTime now) { now_ = now; }

 private:
  MonotonicTime now_;
};

}  // namespace eldr::replay

#endif  // ELDR_TOOLS_REPLAY_VIRTUAL_CLOCK_H_
