// Whole response bodies, of any form.
#include "client/engines/response_body.h"

#include "tests/fuzz/engine_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eldr::engines;  // NOLINT
  for (const Geometry& geometry : FuzzGeometries()) {
    for (const std::size_t choice : {0u, 1u}) {
      const absl::string_view body = eldr::Text(data, size);
      const auto response = ParseResponse(body, {geometry, choice});
      const auto prompt = ParseResponse(
          body, {.geometry = geometry, .choice = choice, .rows = ResponseRows::kPrompt});
      if (!prompt.ok()) CheckEngineRefusal(prompt.status());
      if (!response.ok()) {
        CheckEngineRefusal(response.status());
        continue;
      }
      // What is right as a whole has the same prompt, unless it is not known where that is.
      FUZZ_CHECK(!prompt.ok() || prompt->prompt_rows == response->prompt_rows);
      if (response->form == EngineForm::kReferenceCounts) {
        CheckCounts(response->counts, geometry.layers, geometry.experts, geometry.top_k);
        continue;
      }
      CheckRouted(response->routed, geometry);
      const std::uint32_t experts = geometry.experts == 0 ? kMaxExperts : geometry.experts;
      FUZZ_CHECK(CountPrompt(*response, experts).ok() ==
                 (response->routed.layers * experts <= kMaxCells));
    }
  }
  return 0;
}
