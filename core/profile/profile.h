// A fitted artifact for a model: how signatures are transformed, and a centroid per decode node.
#ifndef ELDR_CORE_PROFILE_PROFILE_H_
#define ELDR_CORE_PROFILE_PROFILE_H_

#include <string>

#include "absl/status/status.h"
#include "core/model/model_geometry.h"
#include "core/profile/signature_transform.h"
#include "core/profile/vector_set.h"

namespace eldr {

// Immutable once made; shared by reference.
struct Profile {
  SignatureTransform transform;
  VectorSet centroids;  // unit vectors of transform.dimension()
  // What else its file holds, as the text of a JSON object; empty if nothing. Kept so that a file
  // that is read and written again loses nothing.
  std::string other_keys;

  friend bool operator==(const Profile&, const Profile&) = default;
};

// INVALID_ARGUMENT, naming the key of the profile file ("layer_mask", "sig_idf", "centroids", ...),
// if a part is out of range or they do not fit together.
absl::Status ValidateProfile(const Profile& profile);

// INVALID_ARGUMENT, naming the key, unless counts of a model of this geometry can be transformed by
// the profile.
absl::Status CheckProfileServes(const Profile& profile, const ModelGeometry& geometry);

}  // namespace eldr

#endif  // ELDR_CORE_PROFILE_PROFILE_H_
