// Reads what Envoy sends, and builds what it is answered.
#ifndef ELDR_SERVER_PICKER_ENVOY_PARTS_H_
#define ELDR_SERVER_PICKER_ENVOY_PARTS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/picker/picker_actions.h"

namespace eldr::picker {

inline constexpr absl::string_view kDestination = "x-gateway-destination-endpoint";
// Envoy refuses chunks over 64 KiB.
inline constexpr std::size_t kMaxChunk = 62'000;

// The value of a header, whatever the case of its name; the first of several. Empty if there is
// none. Valid as long as `headers`.
absl::string_view HeaderOf(const envoy::service::ext_proc::v3::HttpHeaders& headers,
                           absl::string_view name);
// The endpoints that the gateway allows, without empty ones; not set if it says nothing of them.
std::optional<std::vector<std::string>> SubsetOf(const ProcessingRequest& message);
// The endpoint that served the request; empty if Envoy does not tell.
std::string ServedOf(const ProcessingRequest& message);

// Sends the request to `endpoint`: by header and by metadata, which agree, with a new route.
void SetDestination(const std::string& endpoint, ProcessingResponse* response,
                    envoy::service::ext_proc::v3::CommonResponse* common);
// An answer to the client, with why in a header and in words.
ProcessingResponse Immediate(int code, absl::string_view reason, absl::string_view message);
// Cuts a body into the parts that Envoy takes: at least one if it is the last, none for an empty
// body that is not.
std::vector<envoy::service::ext_proc::v3::StreamedBodyResponse> Cut(absl::string_view body,
                                                                    bool end_of_stream);

}  // namespace eldr::picker

#endif  // ELDR_SERVER_PICKER_ENVOY_PARTS_H_
