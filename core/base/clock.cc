#include "core/base/clock.h"

#include <chrono>

#include "absl/time/clock.h"

namespace eldr {
namespace {

class MachineClock final : public Clock {
 public:
  MonotonicTime Monotonic() const override {
    return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
  }
  absl::Time Wall() const override { return absl::Now(); }
};

}  // namespace

const Clock& RealClock() {
  static const MachineClock clock;
  return clock;
}

}  // namespace eldr
