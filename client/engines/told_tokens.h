// What a response body says of its own tokens, against the rows that it has.
#ifndef ELDR_CLIENT_ENGINES_TOLD_TOKENS_H_
#define ELDR_CLIENT_ENGINES_TOLD_TOKENS_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "client/engines/engine_forms.h"
#include "client/engines/response_body.h"
#include "client/engines/response_reader.h"

namespace eldr::engines {

// How many rows there must be: one per token of prompt and completion, less the last one, which no
// step took in, and those that were left out at the front. INVALID_ARGUMENT if all were.
absl::StatusOr<ToldTokens> RowsTold(const FoundExperts& found, std::uint32_t start_len);

// The prompt among the `rows` of a response that are not split by their form.
struct PromptRows {
  std::uint64_t rows = 0;                      // of the prompt, from the first on
  std::optional<std::uint32_t> prompt_tokens;  // as told, or as the completion leaves them
};

// All rows if the body does not tell. With kPrompt INVALID_ARGUMENT if rows are missing and it is
// not known whether these are the prompt's.
absl::StatusOr<PromptRows> PromptAmong(std::uint64_t rows, const FoundExperts& found,
                                       const ResponseOptions& options);

}  // namespace eldr::engines

#endif  // ELDR_CLIENT_ENGINES_TOLD_TOKENS_H_
