// The queries of the HTTP port's API, and the files of its page.
#include <cstddef>
#include <cstdint>
#include <string>

#include "server/page/query.h"
#include "server/page/ui_pages.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using eldr::Query;
  const absl::string_view text = eldr::Text(data, size);
  const absl::StatusOr<Query> query = Query::Parse(text);
  if (query.ok()) {
    const auto number = query->Number("after", 3, 1000);
    if (number.ok()) FUZZ_CHECK(!number->has_value() || (**number >= 3 && **number <= 1000));
    const std::string error = eldr::ErrorJson(query->CheckKnown({"model", "after"}));
    FUZZ_CHECK(error.find('\n') == std::string::npos);
  } else {
    FUZZ_CHECK(query.status().code() == absl::StatusCode::kInvalidArgument);
    FUZZ_CHECK(eldr::ErrorJson(query.status()).find('\n') == std::string::npos);
  }
  static const eldr::UiPages pages{eldr::UiFiles()};
  const std::string header(text);
  const eldr::HttpResponse answer =
      pages.Answer(text, {.accept_encoding = header, .if_none_match = header});
  FUZZ_CHECK(answer.status == 200 || answer.status == 304 || answer.status == 404);
  return 0;
}
