// The HTTP port's requests, as they trickle in.
#include <cstddef>
#include <cstdint>

#include "server/http/http_message.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using eldr::HttpParse;
  const absl::string_view bytes = eldr::Text(data, size);
  // Once the answer is known more bytes do not change it: the server asks after each read.
  HttpParse known = HttpParse::kMore;
  for (std::size_t n = 0; n <= size; n += size / 64 + 1) {
    eldr::HttpRequest request;
    const HttpParse parsed = ParseHttpRequest(bytes.substr(0, n), request);
    FUZZ_CHECK(known == HttpParse::kMore || parsed == known);
    known = parsed;
    FUZZ_CHECK(parsed != HttpParse::kDone || (!request.path.empty() && request.path[0] == '/'));
    SerializeHttpResponse(RefusalOf(parsed), request.head);
  }
  return 0;
}
