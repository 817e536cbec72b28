// RESOURCE_EXHAUSTED that knows which limit it stands for.
#ifndef ELDR_CORE_BASE_LIMIT_EXCEEDED_H_
#define ELDR_CORE_BASE_LIMIT_EXCEEDED_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace eldr {

// `limit` is the last part of the limit's configuration key, such as "models". It travels with the
// status, so that whoever answers a call can count refusals by limit without reading messages.
absl::Status LimitExceeded(absl::string_view limit, absl::string_view message);

// The limit of a status that LimitExceeded() made; empty for any other.
std::string LimitOf(const absl::Status& status);

}  // namespace eldr

#endif  // ELDR_CORE_BASE_LIMIT_EXCEEDED_H_
