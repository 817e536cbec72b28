// What all policies of one seed share: which requests are replayed, and the fit to the others.
#ifndef ELDR_TOOLS_SIM_SEED_SETUP_H_
#define ELDR_TOOLS_SIM_SEED_SETUP_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/profile/profile.h"
#include "tools/replay/trace.h"
#include "tools/sim/sim_config.h"

namespace eldr::sim {

struct SeedSetup {
  std::uint64_t seed = 1;
  std::vector<bool> calibration;  // by request of the trace
  std::vector<std::size_t> pool;  // the requests that are replayed
  // Requests by domain, of those for calibration; of the pool if there are none.
  std::map<std::string, double> weight_by_domain;
  // For the locality band; null if no policy wants it.
  std::shared_ptr<const Profile> profile;
  std::size_t fitted_on = 0;  // requests; 0: the profile was read, or there is none
  // There were none for calibration, so the fit saw what is replayed.
  bool fitted_in_sample = false;
};

// True if the policy wants a profile.
bool WantsProfile(const std::string& policy);

// INVALID_ARGUMENT if too few requests are left to replay or to fit to. `read_profile` is used as
// it is.
absl::StatusOr<SeedSetup> SetUpSeed(const SimConfig& config, const replay::Trace& trace,
                                    std::shared_ptr<const Profile> read_profile,
                                    std::uint64_t seed);

}  // namespace eldr::sim

#endif  // ELDR_TOOLS_SIM_SEED_SETUP_H_
