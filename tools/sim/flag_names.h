// The texts of flags that stand for more than a number.
#ifndef ELDR_TOOLS_SIM_FLAG_NAMES_H_
#define ELDR_TOOLS_SIM_FLAG_NAMES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/sim/sim_config.h"

namespace eldr::sim {

// "poisson", "gamma:CV" or a file (*.jsonl, *.csv). INVALID_ARGUMENT otherwise.
absl::Status ParseArrivals(absl::string_view text, TrafficConfig& traffic);
std::string ArrivalsText(const TrafficConfig& traffic);

// "256", "exp:256", "trace" or "file". INVALID_ARGUMENT otherwise.
absl::Status ParseOutput(absl::string_view text, TrafficConfig& traffic);
std::string OutputText(const TrafficConfig& traffic);

// "trace", "skewed" or "drifting" (kDrift is a scenario's). INVALID_ARGUMENT otherwise.
absl::StatusOr<MixKind> ParseMix(absl::string_view text);
absl::string_view MixText(MixKind mix);

// "8:0.5ms,16:1ms": the offset of batches up to 8, and of those above up to 16.
absl::StatusOr<std::vector<replay::BucketOffset>> ParseBucketOffsets(absl::string_view text);

// Hidden layers, "3-60" or "1,3,5": strictly ascending, below engines::kMaxHiddenLayers.
absl::StatusOr<std::vector<std::uint32_t>> ParseLayers(absl::string_view text);

}  // namespace eldr::sim

#endif  // ELDR_TOOLS_SIM_FLAG_NAMES_H_
