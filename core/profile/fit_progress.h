// How a fit tells how far it is.
#ifndef ELDR_CORE_PROFILE_FIT_PROGRESS_H_
#define ELDR_CORE_PROFILE_FIT_PROGRESS_H_

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace eldr {

// Called on the fitting thread: `done` of at most `total` parts of a stage ("layer mask",
// "clusters") are done. A stage may end early.
using FitProgress =
    absl::FunctionRef<void(absl::string_view stage, std::size_t done, std::size_t total)>;

inline void NoFitProgress(absl::string_view, std::size_t, std::size_t) {}

}  // namespace eldr

#endif  // ELDR_CORE_PROFILE_FIT_PROGRESS_H_
