// How the locality band chooses.
#ifndef ELDR_CORE_POLICY_LOCALITY_BAND_SETTINGS_H_
#define ELDR_CORE_POLICY_LOCALITY_BAND_SETTINGS_H_

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "core/base/range.h"
#include "core/profile/profile.h"

namespace eldr {

// Two unit vectors are never further apart.
inline constexpr Range<double> kTauRange = {0, 2};
// Of `window` and `refit_interval`.
inline constexpr Range<absl::Duration> kFitTimeRange = {absl::Milliseconds(100), absl::Hours(1)};

struct LocalityBandSettings {
  // Nodes whose cosine is at most this below the best are candidates. 0: the best alone.
  double tau = 0.1;
  // Breaks ties of load at random instead of by the lowest index. Not as published.
  bool seeded_ties = false;
  // The traffic a fit looks at.
  absl::Duration window = absl::Seconds(5);
  // From the start of a refit to the start of the next.
  absl::Duration refit_interval = absl::Milliseconds(2500);
  // The fit to start from. None: the policy fits to its own traffic, with the transform "count".
  std::shared_ptr<const Profile> profile;
  // Where it was read from; for people.
  std::string profile_path;

  // Profiles are compared by value.
  friend bool operator==(const LocalityBandSettings& a, const LocalityBandSettings& b) {
    const bool equal_profiles =
        a.profile == b.profile ||
        (a.profile != nullptr && b.profile != nullptr && *a.profile == *b.profile);
    return a.tau == b.tau && a.seeded_ties == b.seeded_ties && a.window == b.window &&
           a.refit_interval == b.refit_interval && equal_profiles;
  }
};

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_LOCALITY_BAND_SETTINGS_H_
