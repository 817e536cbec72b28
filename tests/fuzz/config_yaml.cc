// The daemon's configuration: what is read can be printed, and reads back equal; and all of it is
// read, so that no text is accepted with another document behind it.
#include <string>

#include "server/config/config.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto config = eldr::ParseConfig(eldr::Text(data, size), "fuzz.yaml");
  if (!config.ok()) {
    eldr::CheckRefusal(config.status());
    return 0;
  }
  const std::string text = eldr::PrintConfig(*config);
  const auto again = eldr::ParseConfig(text, "printed.yaml");
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(eldr::PrintConfig(*again) == text);
  const std::string more = std::string(eldr::Text(data, size)) + "\n---\n{}\n---\n{}\n";
  FUZZ_CHECK(!eldr::ParseConfig(more, "more.yaml").ok());
  return 0;
}
