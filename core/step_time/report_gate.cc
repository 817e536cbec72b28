#include "core/step_time/report_gate.h"

#include <bit>

namespace eldr {
namespace {

void Push(std::uint16_t& bits, bool bit) {
  bits = static_cast<std::uint16_t>(bits << 1 | (bit ? 1 : 0));
}

}  // namespace

ReportGate::Verdict ReportGate::Judge(double residual) {
  const bool longer = residual > kFar;
  const bool shorter = residual < -kFar;
  Push(far_longer_, longer);
  Push(far_shorter_, shorter);
  Push(much_longer_, residual > kMuch);
  Push(much_shorter_, residual < -kMuch);
  if ((longer && std::popcount(far_longer_) >= kFarLonger) ||
      (residual > kMuch && std::popcount(much_longer_) >= kMuchLonger) ||
      (shorter && std::popcount(far_shorter_) >= kFarShorter)) {
    Trust();  // so many are trusted from now on, or the next lone one would be believed again
    return Verdict::kStartAnew;
  }
  if (!settled()) {
    agreed_ = longer || shorter ? 0 : agreed_ + 1;
    return Verdict::kTake;
  }
  if (longer || shorter) return Verdict::kRefuse;
  constexpr std::uint16_t kThree = 0b111;
  const bool lone = (much_shorter_ & 1) != 0 && (much_shorter_ & kThree) != kThree;
  return lone ? Verdict::kTakeLittle : Verdict::kTake;
}

void ReportGate::Trust() {
  *this = ReportGate();
  agreed_ = kSettled;
}

}  // namespace eldr
