// Which requests of a trace serve for calibration only.
#ifndef ELDR_TOOLS_FIT_CALIBRATION_SPLIT_H_
#define ELDR_TOOLS_FIT_CALIBRATION_SPLIT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace eldr::fit {

// True for the share of `requests`, rounded, that the seed draws: a fit sees these and a replay of
// the same trace, share and seed sees the others. REQUIRES: share in [0, 1].
std::vector<bool> DrawCalibration(std::size_t requests, double share, std::uint64_t seed);

}  // namespace eldr::fit

#endif  // ELDR_TOOLS_FIT_CALIBRATION_SPLIT_H_
