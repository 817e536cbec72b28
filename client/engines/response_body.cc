#include "client/engines/response_body.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/engines/engine_forms.h"
#include "client/engines/response_reader.h"
#include "client/engines/told_tokens.h"

namespace eldr::engines {
namespace {

// The rows of the prompt's lists and of those of decode, which vLLM 0.21 returned apart, that are
// asked for.
absl::Status ReadBothLists(const FoundExperts& found, const ResponseOptions& options,
                           EngineResponse& response) {
  const std::uint64_t split = found.prompt_lists.tokens();
  const std::uint64_t all = split + (found.form.has_value() ? found.lists.tokens() : 0);
  RowRange range = options.rows == ResponseRows::kRange ? options.range : RowRange();
  if (options.rows == ResponseRows::kPrompt) range.end = split;
  const absl::StatusOr<std::uint64_t> end = EndOf(range, all);
  if (!end.ok()) return end.status();
  RoutedExperts& routed = response.routed;
  if (range.begin < split) {
    auto prompt = found.prompt_lists.Select(options.geometry, {range.begin, std::min(*end, split)});
    if (!prompt.ok()) return prompt.status();
    routed = *std::move(prompt);
  }
  response.prompt_rows = options.rows == ResponseRows::kRange ? *end - range.begin : routed.tokens;
  response.prompt_tokens = static_cast<std::uint32_t>(std::min<std::uint64_t>(split, kMaxTokens));
  if (*end <= split) return absl::OkStatus();
  auto decode =
      found.lists.Select(options.geometry, {std::max(range.begin, split) - split, *end - split});
  if (!decode.ok()) return decode.status();
  if (routed.tokens == 0) {
    routed = *std::move(decode);
    return absl::OkStatus();
  }
  if (decode->layers != routed.layers || decode->top_k != routed.top_k) {
    return absl::InvalidArgumentError(absl::StrCat(
        "routed_experts has ", decode->layers, " layers of ", decode->top_k, " ids, expected ",
        routed.layers, " of ", routed.top_k, " as prompt_routed_experts"));
  }
  routed.tokens += decode->tokens;
  routed.ids.insert(routed.ids.end(), decode->ids.begin(), decode->ids.end());
  return absl::OkStatus();
}

// The rows that are asked for of `ids`, which are those of prompt and decode together.
template <typename Ids>
absl::Status ReadRows(const Ids& ids, std::uint64_t tokens, const FoundExperts& found,
                      const ResponseOptions& options, EngineResponse& response) {
  const absl::StatusOr<PromptRows> prompt = PromptAmong(tokens, found, options);
  if (!prompt.ok()) return prompt.status();
  RowRange range = options.rows == ResponseRows::kRange ? options.range : RowRange();
  if (options.rows == ResponseRows::kPrompt) range.end = prompt->rows;
  absl::StatusOr<RoutedExperts> routed = ids(range);
  if (!routed.ok()) return routed.status();
  response.routed = *std::move(routed);
  response.prompt_tokens = prompt->prompt_tokens;
  response.prompt_rows = options.rows == ResponseRows::kAll ? prompt->rows : response.routed.tokens;
  return absl::OkStatus();
}

absl::StatusOr<PackedIds> OpenPacked(const FoundExperts& found, const ResponseOptions& options) {
  if (found.form == EngineForm::kVllmNpy) return OpenVllmNpy(found.base64);
  const absl::StatusOr<ToldTokens> told = RowsTold(found, options.start_len);
  if (!told.ok()) return told.status();
  return OpenSglangInt32(found.base64, options.geometry, options.hidden_layers, *told);
}

absl::Status ReadIds(const FoundExperts& found, const ResponseOptions& options,
                     EngineResponse& response) {
  if (response.form == EngineForm::kVllmLists) {
    if (found.prompt_lists.complete()) return ReadBothLists(found, options, response);
    const auto select = [&](const RowRange& range) {
      return found.lists.Select(options.geometry, range);
    };
    return ReadRows(select, found.lists.tokens(), found, options, response);
  }
  if (found.prompt_lists.complete()) {
    return absl::InvalidArgumentError(absl::StrCat("prompt_routed_experts beside ",
                                                   EngineFormName(response.form),
                                                   ", expected routed_experts as lists beside it"));
  }
  const absl::StatusOr<PackedIds> ids = OpenPacked(found, options);
  if (!ids.ok()) return ids.status();
  const auto read = [&](const RowRange& range) { return ids->Read(options.geometry, range); };
  return ReadRows(read, ids->shape.tokens, found, options, response);
}

absl::Status Annotate(const absl::Status& status, EngineForm form) {
  return absl::Status(status.code(), absl::StrCat(EngineFormName(form), ": ", status.message()));
}

}  // namespace

absl::string_view EngineFormName(EngineForm form) {
  switch (form) {
    case EngineForm::kVllmNpy:
      return "vLLM .npy";
    case EngineForm::kVllmLists:
      return "vLLM lists";
    case EngineForm::kSglangInt32:
      return "SGLang int32";
    case EngineForm::kReferenceCounts:
      break;
  }
  return "reference counts";
}

absl::StatusOr<EngineResponse> ParseResponse(absl::string_view body,
                                             const ResponseOptions& options) {
  const absl::StatusOr<FoundExperts> found = FindExperts(body, options.choice);
  if (!found.ok()) return found.status();
  EngineResponse response;
  response.form = found->form.value_or(EngineForm::kVllmLists);
  if (response.form == EngineForm::kReferenceCounts) {
    response.prompt_tokens = found->prompt_tokens;
    absl::StatusOr<ExpertCounts> counts = DecodeReferenceCounts(found->base64, options.geometry);
    if (!counts.ok()) return Annotate(counts.status(), response.form);
    response.counts = *std::move(counts);
    return response;
  }
  if (absl::Status read = ReadIds(*found, options, response); !read.ok()) {
    return Annotate(read, response.form);
  }
  return response;
}

absl::StatusOr<ExpertCounts> CountPrompt(const EngineResponse& response, std::uint32_t experts) {
  if (response.form == EngineForm::kReferenceCounts) return response.counts;
  return CountExperts(response.routed, experts, 0, response.prompt_rows);
}

}  // namespace eldr::engines
