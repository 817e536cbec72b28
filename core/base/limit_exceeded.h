// RESOURCE_EXHAUSTED that knows which limit it stands for.
#ifndef ELDR_CORE_BASE_LIMIT_EXCEEDED_H_
#define ELDR_CORE_BASE_LIMIT_EXCEEDED_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace eldr {

// Of the configured limit `limits.<limit>`, such as "models": the message begins with that key, so
// that whoever reads it knows what to raise. The limit's name also travels with the status, so that
// whoever answers a call can count refusals by limit without reading messages.
absl::Status LimitExceeded(absl::string_view limit, absl::string_view message);

// Of what the nodes themselves registered to take, which no key of the configuration raises. Its
// name is "node_capacity".
absl::Status NodeCapacityExceeded(absl::string_view message);

// The limit's name of a status that one of these made; empty for any other.
std::string LimitOf(const absl::Status& status);

}  // namespace eldr

#endif  // ELDR_CORE_BASE_LIMIT_EXCEEDED_H_
