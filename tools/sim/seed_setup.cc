#include "tools/sim/seed_setup.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "tools/fit/calibration_split.h"
#include "tools/fit/capture_reader.h"
#include "tools/fit/profile_fit.h"
#include "tools/replay/random_stream.h"

namespace eldr::sim {
namespace {

constexpr std::uint64_t kPoolStream = 0x706f6f6c;

// The share of `requests` that the seed draws, in their order; at least one.
std::vector<std::size_t> DrawPool(std::vector<std::size_t> requests, double share,
                                  std::uint64_t seed) {
  replay::RandomStream stream(seed, kPoolStream);
  for (std::size_t i = requests.size(); i > 1; --i) {
    std::swap(requests[i - 1], requests[stream.Below(i)]);
  }
  const double count = std::round(static_cast<double>(requests.size()) * share);
  requests.resize(std::max<std::size_t>(1, static_cast<std::size_t>(count)));
  std::sort(requests.begin(), requests.end());
  return requests;
}

absl::Status Fit(const SimConfig& config, const replay::Trace& trace, SeedSetup& setup) {
  std::vector<bool> chosen = setup.calibration;
  setup.fitted_in_sample = !absl::c_linear_search(chosen, true);
  if (setup.fitted_in_sample) {
    for (const std::size_t index : setup.pool) chosen[index] = true;
  }
  const FitInput input = fit::InputFromTrace(trace, chosen);
  FitOptions options;
  options.nodes = config.replay.nodes;
  options.seed = setup.seed;
  absl::StatusOr<FittedProfile> fitted = FitProfile(input, options, NoFitProgress);
  if (!fitted.ok()) {
    return absl::Status(
        fitted.status().code(),
        absl::StrCat("fit for locality_band, seed ", setup.seed, ": ", fitted.status().message()));
  }
  setup.fitted_on = input.signatures.size();
  setup.profile = std::make_shared<const Profile>(std::move(fitted->profile));
  return absl::OkStatus();
}

}  // namespace

bool WantsProfile(const std::string& policy) { return absl::StartsWith(policy, "locality_band"); }

absl::StatusOr<SeedSetup> SetUpSeed(const SimConfig& config, const replay::Trace& trace,
                                    std::shared_ptr<const Profile> read_profile,
                                    std::uint64_t seed) {
  SeedSetup setup;
  setup.seed = seed;
  setup.calibration = fit::DrawCalibration(trace.requests.size(), config.calibration_share, seed);
  std::vector<std::size_t> replayed;
  std::size_t weighed = 0;
  for (std::size_t i = 0; i < trace.requests.size(); ++i) {
    if (!setup.calibration[i]) {
      replayed.push_back(i);
    } else {
      setup.weight_by_domain[trace.requests[i].domain] += 1;
      ++weighed;
    }
  }
  if (replayed.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("calibration_share ", config.calibration_share,
                                                   ": leaves none of ", trace.requests.size(),
                                                   " requests to replay"));
  }
  setup.pool = DrawPool(std::move(replayed), config.traffic.pool_share, seed);
  if (weighed == 0) {
    for (const std::size_t i : setup.pool) setup.weight_by_domain[trace.requests[i].domain] += 1;
  }
  if (read_profile != nullptr) {
    setup.profile = std::move(read_profile);
  } else if (absl::c_any_of(config.policies, WantsProfile)) {
    ELDR_RETURN_IF_ERROR(Fit(config, trace, setup));
  }
  return setup;
}

}  // namespace eldr::sim
