// How keys fit together: what one of them would silently undo or leave without effect.
#ifndef ELDR_SERVER_CONFIG_CONSISTENCY_H_
#define ELDR_SERVER_CONFIG_CONSISTENCY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/config/config.h"
#include "server/config/config_reader.h"

namespace eldr {

// INVALID_ARGUMENT, beginning with the origin of the key at fault, if
// - plaintext is open to other machines and nobody asked for that,
// - half of a pair of credentials is missing,
// - `auth` is there and lets nobody in, which would mean everybody,
// - a key has no effect because another one is not set, or contradicts another.
absl::Status CheckConsistency(const Config& config, const ConfigOrigins& origins);

// Where a key's value comes from: "FILE:LINE", a flag, or "default".
std::string OriginOf(absl::string_view key, const ConfigOrigins& origins);

}  // namespace eldr

#endif  // ELDR_SERVER_CONFIG_CONSISTENCY_H_
