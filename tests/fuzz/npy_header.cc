// Headers of .npy files.
#include "client/engines/npy_header.h"

#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto header = eldr::engines::ParseNpyHeader(eldr::Text(data, size));
  if (!header.ok()) {
    eldr::CheckRefusal(header.status());
    return 0;
  }
  FUZZ_CHECK(header->data_offset <= size);
  FUZZ_CHECK(header->shape.size() <= 32);
  FUZZ_CHECK(header->descr.size() <= size);
  return 0;
}
