// Measures how long decisions take, in real time.
#ifndef ELDR_TOOLS_SIM_TIMED_BACKEND_H_
#define ELDR_TOOLS_SIM_TIMED_BACKEND_H_

#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "tools/sim/forwarding_backend.h"

namespace eldr::sim {

class TimedBackend final : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;

  // Of each Place so far.
  std::vector<absl::Duration> TakeTimes() { return std::move(times_); }

  absl::StatusOr<std::optional<std::string>> Place(MonotonicTime now,
                                                   const replay::PlaceQuery& query) override {
    const MonotonicTime begin = RealClock().Monotonic();
    auto placed = below_.Place(now, query);
    times_.push_back(RealClock().Monotonic() - begin);
    return placed;
  }

 private:
  std::vector<absl::Duration> times_;
};

}  // namespace eldr::sim

#endif  // ELDR_TOOLS_SIM_TIMED_BACKEND_H_
