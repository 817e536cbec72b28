// The text of an endpoints file, as llm-d's file discovery has it, in YAML or JSON:
//
//   endpoints:
//     - name: decode-0             # needed
//       namespace: inference       # the node's id becomes NAMESPACE/NAME; without, NAME
//       address: 10.0.0.7          # needed: a name or an address
//       port: "8000"               # needed; quoted or not
//       labels: {llm-d.ai/role: decode}
#ifndef ELDR_SERVER_DISCOVERY_ENDPOINTS_FILE_H_
#define ELDR_SERVER_DISCOVERY_ENDPOINTS_FILE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/config/config.h"
#include "server/discovery/endpoint.h"

namespace eldr {

// A larger file is refused.
inline constexpr std::size_t kMaxEndpointsFileBytes = std::size_t{1} << 20;

struct EndpointsFile {
  Endpoints endpoints;  // by node id
  // Entries that make no endpoint, each with its line and why: "FILE:LINE: ...". At most
  // kMostReasons, and how many there are.
  std::vector<std::string> reasons;
  std::size_t refused = 0;

  static constexpr std::size_t kMostReasons = 8;
};

// INVALID_ARGUMENT, "FILE:LINE: got ..., expected ...", if it is no such file at all. A bad entry
// makes no bad file. Keys that are not known are passed over.
absl::StatusOr<EndpointsFile> ParseEndpointsFile(absl::string_view text,
                                                 absl::string_view file_name,
                                                 const DiscoveryConfig& config);

}  // namespace eldr

#endif  // ELDR_SERVER_DISCOVERY_ENDPOINTS_FILE_H_
