// vLLM 0.22 and later: a .npy, and base64 of it. The input is taken for either, since no mutation
// of base64 gets far into a header.
#include "absl/strings/escaping.h"
#include "client/engines/engine_forms.h"
#include "client/engines/npy.h"
#include "tests/fuzz/engine_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eldr::engines;  // NOLINT
  const absl::string_view text = eldr::Text(data, size);
  const std::string base64 = absl::Base64Escape(text);
  for (const Geometry& geometry : FuzzGeometries()) {
    const auto routed = ParseNpy(text, geometry);
    CheckRouted(routed, geometry);
    FUZZ_CHECK(DecodeVllmNpy(base64, geometry).status() == routed.status());
    CheckRouted(DecodeVllmNpy(text, geometry), geometry);
  }
  return 0;
}
