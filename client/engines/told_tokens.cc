#include "client/engines/told_tokens.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace eldr::engines {
namespace {

// Rows of decode: one less than tokens, as nothing follows the last one.
std::uint64_t DecodeRows(std::uint32_t completion_tokens) {
  return completion_tokens > 0 ? completion_tokens - 1 : 0;
}

}  // namespace

absl::StatusOr<ToldTokens> RowsTold(const FoundExperts& found, std::uint32_t start_len) {
  ToldTokens told;
  if (!found.prompt_tokens.has_value()) return told;
  const std::uint32_t prompt = *found.prompt_tokens;
  if (start_len >= prompt) {
    return absl::InvalidArgumentError(
        absl::StrCat("start_len is ", start_len, ", expected less than prompt_tokens, ", prompt));
  }
  told.least = prompt - start_len;
  told.by = absl::StrCat("prompt_tokens ", prompt);
  if (found.completion_tokens.has_value()) {
    const std::uint32_t completion = *found.completion_tokens;
    told.least += DecodeRows(completion);
    told.most = told.least;
    absl::StrAppend(&told.by, " + completion_tokens ", completion, " - 1");
    // A prompt that nothing follows has a last token of its own.
    if (completion == 0 && told.least > 1) --told.least;
  }
  if (start_len > 0) absl::StrAppend(&told.by, " - start_len ", start_len);
  return told;
}

absl::StatusOr<PromptRows> PromptAmong(std::uint64_t rows, const FoundExperts& found,
                                       const ResponseOptions& options) {
  const absl::StatusOr<ToldTokens> told = RowsTold(found, options.start_len);
  if (!told.ok()) return told.status();
  const std::uint64_t decode = DecodeRows(found.completion_tokens.value_or(0));
  if (options.rows == ResponseRows::kPrompt && decode > 0 && rows < told->least) {
    return absl::InvalidArgumentError(absl::StrCat(
        rows, " rows, expected ", told->least, " by ", told->by,
        ": some are missing, and these may be of decode; tell how many were left out at the front "
        "(--start-len), or which are the prompt's (--rows)"));
  }
  PromptRows prompt{rows, found.prompt_tokens};
  if (found.prompt_tokens.has_value()) {
    prompt.rows = std::min<std::uint64_t>(rows, *found.prompt_tokens - options.start_len);
  } else if (found.completion_tokens.has_value()) {
    if (decode >= rows) {
      return absl::InvalidArgumentError(absl::StrCat(rows, " rows, expected more than the ", decode,
                                                     " of decode by ", "completion_tokens ",
                                                     *found.completion_tokens, " - 1"));
    }
    prompt.rows = rows - decode;
    prompt.prompt_tokens = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(prompt.rows + options.start_len, kMaxTokens));
  }
  return prompt;
}

}  // namespace eldr::engines
