#include "client/engines/response_body.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/engines/engine_forms.h"
#include "client/engines/response_reader.h"

namespace eldr::engines {
namespace {

// The prompt's lists and those of decode, which vLLM 0.21 returned apart.
absl::StatusOr<RoutedExperts> JoinLists(const FoundExperts& found, const Geometry& geometry) {
  if (!found.prompt_lists.complete()) return found.lists.Select(geometry);
  absl::StatusOr<RoutedExperts> prompt = found.prompt_lists.Select(geometry);
  if (!prompt.ok() || !found.form.has_value()) return prompt;
  const absl::StatusOr<RoutedExperts> decode = found.lists.Select(geometry);
  if (!decode.ok()) return decode.status();
  if (decode->layers != prompt->layers || decode->top_k != prompt->top_k) {
    return absl::InvalidArgumentError(absl::StrCat(
        "routed_experts has ", decode->layers, " layers of ", decode->top_k, " ids, expected ",
        prompt->layers, " of ", prompt->top_k, " as prompt_routed_experts"));
  }
  prompt->tokens += decode->tokens;
  prompt->ids.insert(prompt->ids.end(), decode->ids.begin(), decode->ids.end());
  return prompt;
}

absl::StatusOr<RoutedExperts> DecodeIds(const FoundExperts& found, EngineForm form,
                                        const ResponseOptions& options) {
  if (form == EngineForm::kVllmLists) return JoinLists(found, options.geometry);
  if (found.prompt_lists.complete()) {
    return absl::InvalidArgumentError(absl::StrCat("prompt_routed_experts beside ",
                                                   EngineFormName(form),
                                                   ", expected routed_experts as lists beside it"));
  }
  if (form == EngineForm::kVllmNpy) return DecodeVllmNpy(found.base64, options.geometry);
  return DecodeSglangInt32(found.base64, options.geometry, options.hidden_layers);
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
  response.prompt_tokens = found->prompt_tokens;
  if (found->prompt_lists.complete()) {
    response.prompt_tokens = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(found->prompt_lists.tokens(), kMaxTokens));
  }
  if (response.form == EngineForm::kReferenceCounts) {
    absl::StatusOr<ExpertCounts> counts = DecodeReferenceCounts(found->base64, options.geometry);
    if (!counts.ok()) return Annotate(counts.status(), response.form);
    response.counts = *std::move(counts);
    return response;
  }
  absl::StatusOr<RoutedExperts> routed = DecodeIds(*found, response.form, options);
  if (!routed.ok()) return Annotate(routed.status(), response.form);
  response.routed = *std::move(routed);
  return response;
}

absl::StatusOr<ExpertCounts> CountPrompt(const EngineResponse& response, std::uint32_t experts) {
  if (response.form == EngineForm::kReferenceCounts) return response.counts;
  const RoutedExperts& routed = response.routed;
  const std::size_t rows = response.prompt_tokens.has_value()
                               ? std::min<std::size_t>(*response.prompt_tokens, routed.tokens)
                               : routed.tokens;
  return CountExperts(routed, experts, 0, rows);
}

}  // namespace eldr::engines
