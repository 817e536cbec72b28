// A clock for tests: it moves only when told.
#ifndef ELDR_TESTS_SUPPORT_FAKE_CLOCK_H_
#define ELDR_TESTS_SUPPORT_FAKE_CLOCK_H_

#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"

namespace eldr {

// Starts at 1,000 s monotonic, so that "never" (zero) and "just now" differ, and at
// 2026-01-01T00:00:00Z for people. Thread-safe.
//
//   FakeClock clock;
//   clock.Advance(absl::Seconds(10));  // both readings move
//   clock.StepWall(-absl::Hours(1));   // only the wall clock moves, as after a correction
class FakeClock final : public Clock {
 public:
  MonotonicTime Monotonic() const override {
    MutexLock lock(mutex_);
    return monotonic_;
  }
  absl::Time Wall() const override {
    MutexLock lock(mutex_);
    return wall_;
  }

  // Lets `elapsed` pass. REQUIRES: not negative; a monotonic clock never goes back.
  void Advance(absl::Duration elapsed) {
    MutexLock lock(mutex_);
    monotonic_ += elapsed;
    wall_ += elapsed;
  }

  // Corrects the wall clock, forward or back; no time passes.
  void StepWall(absl::Duration correction) {
    MutexLock lock(mutex_);
    wall_ += correction;
  }

 private:
  mutable Mutex mutex_;
  MonotonicTime monotonic_ ABSL_GUARDED_BY(mutex_) = absl::Seconds(1000);
  absl::Time wall_ ABSL_GUARDED_BY(mutex_) = absl::FromUnixSeconds(1767225600);
};

}  // namespace eldr

#endif  // ELDR_TESTS_SUPPORT_FAKE_CLOCK_H_
