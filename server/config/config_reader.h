// Reads a YAML text into a Config by the table of config_field.h.
#ifndef ELDR_SERVER_CONFIG_CONFIG_READER_H_
#define ELDR_SERVER_CONFIG_CONFIG_READER_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/config/config.h"
#include "server/config/config_field.h"

namespace eldr {

// Where each key that was given comes from: "FILE:LINE" or a flag's name.
using ConfigOrigins = std::map<std::string, std::string, std::less<>>;

// Keys that the text leaves out keep their value. INVALID_ARGUMENT: see ParseConfig.
absl::Status ReadConfigYaml(absl::string_view yaml, absl::string_view file_name, Config& config,
                            ConfigOrigins& origins);

// nullptr if there is none.
ConfigField* FindField(std::vector<ConfigField>& fields, absl::string_view path);

}  // namespace eldr

#endif  // ELDR_SERVER_CONFIG_CONFIG_READER_H_
