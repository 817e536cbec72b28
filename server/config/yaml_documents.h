// How many documents a YAML text has.
#ifndef ELDR_SERVER_CONFIG_YAML_DOCUMENTS_H_
#define ELDR_SERVER_CONFIG_YAML_DOCUMENTS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace eldr {

// INVALID_ARGUMENT, with the line, if anything stands behind the first document: a reader of one
// document ignores it. Marks ("---", "...") with nothing behind them are no further document.
// Throws YAML::Exception where the text is not YAML.
absl::Status CheckOneDocument(const std::string& yaml, absl::string_view file_name);

}  // namespace eldr

#endif  // ELDR_SERVER_CONFIG_YAML_DOCUMENTS_H_
