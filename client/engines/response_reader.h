// Finds experts in the JSON of a response body.
#ifndef ELDR_CLIENT_ENGINES_RESPONSE_READER_H_
#define ELDR_CLIENT_ENGINES_RESPONSE_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/engines/response_body.h"
#include "client/engines/routed_lists.h"

namespace eldr::engines {

// What stood in a body, not yet decoded.
struct FoundExperts {
  std::optional<EngineForm> form;  // of what stood at one of its places; none: only prompt_lists
  std::string base64;              // unless the form is kVllmLists
  RoutedLists lists;               // if it is
  RoutedLists prompt_lists;        // prompt_routed_experts
  // As usage or meta_info told them.
  std::optional<std::uint32_t> prompt_tokens;
  std::optional<std::uint32_t> completion_tokens;
};

// INVALID_ARGUMENT if the body is not JSON, is nested deeper than 64, or has no experts of answer
// `choice`, or two sets of them.
absl::StatusOr<FoundExperts> FindExperts(absl::string_view body, std::size_t choice);

}  // namespace eldr::engines

#endif  // ELDR_CLIENT_ENGINES_RESPONSE_READER_H_
