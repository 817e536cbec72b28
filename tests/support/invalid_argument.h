// The code that tests of readers and checks expect most often.
#ifndef ELDR_TESTS_SUPPORT_INVALID_ARGUMENT_H_
#define ELDR_TESTS_SUPPORT_INVALID_ARGUMENT_H_

#include "absl/status/status.h"

namespace eldr {

inline constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

}  // namespace eldr

#endif  // ELDR_TESTS_SUPPORT_INVALID_ARGUMENT_H_
