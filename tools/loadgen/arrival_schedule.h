// When an open loop means to send.
#ifndef ELDR_TOOLS_LOADGEN_ARRIVAL_SCHEDULE_H_
#define ELDR_TOOLS_LOADGEN_ARRIVAL_SCHEDULE_H_

#include <cstdint>

#include "absl/time/time.h"
#include "tools/replay/random_stream.h"

namespace eldr::loadgen {

enum class ArrivalKind : std::uint8_t {
  kPoisson,   // independent of each other, as those of many clients are
  kConstant,  // evenly spaced
};

// Times since the start, which know nothing of how the calls fare. Equal seeds give equal times.
class ArrivalSchedule {
 public:
  // REQUIRES: rate > 0, per second.
  ArrivalSchedule(ArrivalKind kind, double rate, std::uint64_t seed);

  // The next arrival; never before the one answered last.
  absl::Duration Next();

 private:
  const ArrivalKind kind_;
  const double rate_;
  replay::RandomStream gaps_;
  std::uint64_t arrivals_ = 0;
  double mean_gaps_ = 0;  // since the start, in units of 1 / rate
};

}  // namespace eldr::loadgen

#endif  // ELDR_TOOLS_LOADGEN_ARRIVAL_SCHEDULE_H_
