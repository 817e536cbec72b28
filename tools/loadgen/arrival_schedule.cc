#include "tools/loadgen/arrival_schedule.h"

namespace eldr::loadgen {
namespace {

// Apart from what else is drawn with the same seed.
constexpr std::uint64_t kGapStream = 0x6c6f6164;

}  // namespace

ArrivalSchedule::ArrivalSchedule(ArrivalKind kind, double rate, std::uint64_t seed)
    : kind_(kind), rate_(rate), gaps_(seed, kGapStream) {}

absl::Duration ArrivalSchedule::Next() {
  ++arrivals_;
  // From the count and not from the arrival before, so that rounding does not add up to a drift.
  mean_gaps_ = kind_ == ArrivalKind::kConstant ? static_cast<double>(arrivals_)
                                               : mean_gaps_ + gaps_.Exponential();
  return absl::Seconds(mean_gaps_ / rate_);
}

}  // namespace eldr::loadgen
