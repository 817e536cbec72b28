// What differs between two configurations.
#ifndef ELDR_SERVER_CHANGED_KEYS_H_
#define ELDR_SERVER_CHANGED_KEYS_H_

#include <string>
#include <vector>

#include "server/config/config.h"

namespace eldr {

// The paths of the keys that have other values, "models" for anything in there.
std::vector<std::string> ChangedKeys(const Config& before, const Config& after);

}  // namespace eldr

#endif  // ELDR_SERVER_CHANGED_KEYS_H_
