// vLLM 0.21: nested lists. The input stands where the lists stand in a body, for the prompt and for
// decode.
#include "absl/strings/str_cat.h"
#include "client/engines/response_body.h"
#include "tests/fuzz/engine_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eldr::engines;  // NOLINT
  const absl::string_view lists = eldr::Text(data, size);
  const std::string choices = absl::StrCat("\"choices\":[{\"routed_experts\":", lists, "}]");
  const std::string prompt = absl::StrCat("\"prompt_routed_experts\":", lists);
  for (const Geometry& geometry : FuzzGeometries()) {
    for (const std::string& body :
         {absl::StrCat("{", choices, "}"), absl::StrCat("{", prompt, ",", choices, "}")}) {
      const auto response = ParseResponse(body, {geometry});
      if (!response.ok()) {
        CheckEngineRefusal(response.status());
      } else if (response->form != EngineForm::kReferenceCounts) {
        CheckRouted(response->routed, geometry);
      }
    }
  }
  return 0;
}
