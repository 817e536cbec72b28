// Whole response bodies, of any form.
#include "client/engines/response_body.h"

#include "tests/fuzz/engine_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eldr::engines;  // NOLINT
  for (const Geometry& geometry : FuzzGeometries()) {
    for (const std::size_t choice : {0u, 1u}) {
      const auto response = ParseResponse(eldr::Text(data, size), {geometry, choice});
      if (!response.ok()) {
        eldr::CheckRefusal(response.status());
        continue;
      }
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
