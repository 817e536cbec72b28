// The profile file: one JSON object, in the form of the published reference implementation.
//
//   L, e           MoE layers, and experts per layer
//   variant        "count" (if not given), "count_idf" or "gate_prob_all"
//   k              the number of centroids, if given
//   layer_mask     the layers used; needed unless the variant is "count"
//   sig_idf        for "count_idf" alone: a weight per cell of the mask's layers, in their order
//   centroids      (or micro_centroids) k lists of as many numbers
//   sig_dtype      "<i2", or "<f4" for "gate_prob_all", if given
//
// sig_mean and sig_per_layer_norm belong to transforms that are not served: refused. Other keys are
// kept.
#ifndef ELDR_CORE_PROFILE_PROFILE_FILE_H_
#define ELDR_CORE_PROFILE_PROFILE_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/base/file_system.h"
#include "core/profile/profile.h"

namespace eldr {

// INVALID_ARGUMENT, naming the key and what was expected of it.
absl::StatusOr<Profile> ParseProfile(absl::string_view json);
// The text that ParseProfile reads back to an equal profile. REQUIRES: a valid profile.
std::string FormatProfile(const Profile& profile);

// The same with a file; errors start with its path, those of the file itself are FileError()'s. One
// that is there stays as it was until the new one is whole.
absl::StatusOr<Profile> ReadProfile(const std::string& path);
absl::Status WriteProfile(const Profile& profile, const std::string& path,
                          FileSystem& files = RealFileSystem());

}  // namespace eldr

#endif  // ELDR_CORE_PROFILE_PROFILE_FILE_H_
