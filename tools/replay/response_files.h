// Response bodies of an engine, recorded to files, as a trace.
#ifndef ELDR_TOOLS_REPLAY_RESPONSE_FILES_H_
#define ELDR_TOOLS_REPLAY_RESPONSE_FILES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/engines/response_body.h"

namespace eldr::replay {

struct RecordedResponse {
  std::string id;      // "law.jsonl:12", or "r1.json" for a file that is one body
  std::string domain;  // "law"; "responses" for a file that is one body
  std::size_t first_row = 0;
  std::size_t rows = 0;  // the prompt's, then those of decode
  std::optional<std::uint32_t> prompt_tokens;
};

struct RecordedResponses {
  engines::RoutedExperts experts;  // of all responses, one after the other
  std::vector<RecordedResponse> responses;
};

// Reads a file that ends in .json and is one body; or another file, which has a body per line
// (empty lines are skipped); or a folder's *.json and *.jsonl, in the order of their names.
//
// INVALID_ARGUMENT, naming file and line, if a body has no routed experts, only counts of them, or
// other layers or another top_k than those before; or if there is none. NOT_FOUND if a file cannot
// be opened.
absl::StatusOr<RecordedResponses> ReadResponses(const std::string& path,
                                                const engines::ResponseOptions& options);

}  // namespace eldr::replay

#endif  // ELDR_TOOLS_REPLAY_RESPONSE_FILES_H_
