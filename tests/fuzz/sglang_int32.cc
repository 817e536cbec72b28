// SGLang: raw int32, and base64 of it. The input is taken for either.
#include "absl/strings/escaping.h"
#include "client/engines/engine_forms.h"
#include "tests/fuzz/engine_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eldr::engines;  // NOLINT
  const absl::string_view text = eldr::Text(data, size);
  const std::string base64 = absl::Base64Escape(text);
  for (const Geometry& geometry : FuzzGeometries()) {
    for (const std::uint32_t hidden_layers : {0u, 2u, 3u, 0xffffffffu}) {
      CheckRouted(DecodeSglangInt32(base64, geometry, hidden_layers), geometry);
      CheckRouted(DecodeSglangInt32(text, geometry, hidden_layers), geometry);
    }
  }
  return 0;
}
