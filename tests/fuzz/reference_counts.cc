// The reference: int16 counts, and base64 of them. The input is taken for either.
#include "absl/strings/escaping.h"
#include "client/engines/engine_forms.h"
#include "tests/fuzz/engine_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eldr::engines;  // NOLINT
  const absl::string_view text = eldr::Text(data, size);
  for (const Geometry& geometry : {Geometry{2, 4, 2, {}}, Geometry{1, 2, 1, {}}, Geometry{}}) {
    for (const std::string& base64 : {absl::Base64Escape(text), std::string(text)}) {
      const auto counts = DecodeReferenceCounts(base64, geometry);
      if (counts.ok()) {
        CheckCounts(*counts, geometry.layers, geometry.experts, geometry.top_k);
      } else {
        eldr::CheckRefusal(counts.status());
      }
    }
  }
  return 0;
}
