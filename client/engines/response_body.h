// Whole response bodies of engines.
//
//   auto response = ParseResponse(body, {geometry});
//   if (response.ok()) {
//     auto counts = CountPrompt(*response, geometry.experts);   // a signature's counts and tokens
//   }
//
// Untrusted input, as engine_forms.h has it. A body is walked, never held as a tree, so nesting and
// fields that are not asked for cost nothing.
#ifndef ELDR_CLIENT_ENGINES_RESPONSE_BODY_H_
#define ELDR_CLIENT_ENGINES_RESPONSE_BODY_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/engines/geometry.h"
#include "client/engines/routed_experts.h"

namespace eldr::engines {

enum class EngineForm : std::uint8_t {
  kVllmNpy,          // choices[N].routed_experts, a string: vLLM 0.22 and later
  kVllmLists,        // the same as lists, prompt_routed_experts before it: vLLM 0.21
  kSglangInt32,      // meta_info.routed_experts of an object, or of element N of a list;
                     // choices[N].sgl_ext.routed_experts: SGLang
  kReferenceCounts,  // kv_transfer_params.eldr_sig: the reference of the published algorithm
};

// "vLLM .npy".
absl::string_view EngineFormName(EngineForm form);

// Which of a response's rows are read. Those that are not may hold anything: engines pad the rows
// of tokens whose experts they did not capture.
enum class ResponseRows : std::uint8_t { kAll, kPrompt, kRange };

struct ResponseOptions {
  Geometry geometry;
  // Which of several answers.
  std::size_t choice = 0;
  // For SGLang, whose form has no shape (see OpenSglangInt32).
  std::uint32_t hidden_layers = 0;
  ResponseRows rows = ResponseRows::kAll;
  RowRange range = {};  // for kRange
  // How many tokens the engine was asked to leave out at the front (SGLang's
  // routed_experts_start_len): the first row is that of the token after them.
  std::uint32_t start_len = 0;
};

struct EngineResponse {
  EngineForm form = EngineForm::kVllmNpy;
  // The rows that were asked for: of all, those of the prompt come before those of decode. Empty if
  // the form is kReferenceCounts, which has only counts of the prompt.
  RoutedExperts routed;
  ExpertCounts counts;  // empty otherwise
  // How many rows of `routed` are of the prompt, from the first; of kRange all of them.
  std::size_t prompt_rows = 0;
  // The prompt's tokens, if the body tells: as many as prompt_routed_experts has, or
  // `prompt_tokens` of usage or meta_info, or all but those that `completion_tokens` takes away.
  // The last two are not taken from a body of several choices, where usage may be the sum over
  // several prompts.
  std::optional<std::uint32_t> prompt_tokens;
};

// Recognises the form of a body by where the experts stand in it, and decodes them.
// INVALID_ARGUMENT if it is not JSON, has no experts or several sets of them, they do not fit the
// geometry, or have not the number of rows that the body's own token counts tell: of a form without
// a shape in any case, of others if rows of the prompt are asked for and it is not known which they
// are.
absl::StatusOr<EngineResponse> ParseResponse(absl::string_view body,
                                             const ResponseOptions& options);

// The counts of a response's prompt: of its prompt_rows. Errors as CountExperts.
absl::StatusOr<ExpertCounts> CountPrompt(const EngineResponse& response, std::uint32_t experts);

}  // namespace eldr::engines

#endif  // ELDR_CLIENT_ENGINES_RESPONSE_BODY_H_
