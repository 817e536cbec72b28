// Profile files: what is read can be written, and reads back equal.
#include "core/profile/profile_file.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto profile = eldr::ParseProfile(eldr::Text(data, size));
  if (!profile.ok()) {
    eldr::CheckRefusal(profile.status());
    return 0;
  }
  const std::string text = eldr::FormatProfile(*profile);
  const auto again = eldr::ParseProfile(text);
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(eldr::FormatProfile(*again) == text);
  return 0;
}
