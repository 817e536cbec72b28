// The model that a request's body names.
#ifndef ELDR_SERVER_PICKER_BODY_MODEL_H_
#define ELDR_SERVER_PICKER_BODY_MODEL_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace eldr::picker {

// The string `model` of the object that `body` is. INVALID_ARGUMENT, saying what is wrong, if the
// body is not JSON, is no object, or names no model. Builds no tree, so nesting costs nothing.
absl::StatusOr<std::string> ModelOf(absl::string_view body);

}  // namespace eldr::picker

#endif  // ELDR_SERVER_PICKER_BODY_MODEL_H_
