// What fuzz targets share.
#ifndef ELDR_TESTS_FUZZ_FUZZ_CHECK_H_
#define ELDR_TESTS_FUZZ_FUZZ_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// Ends the program, which libFuzzer takes for a finding, if `condition` does not hold.
#define FUZZ_CHECK(condition)                                                            \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)

namespace eldr {

inline absl::string_view Text(const std::uint8_t* data, std::size_t size) {
  return absl::string_view(reinterpret_cast<const char*>(data), size);
}

// Bad input is INVALID_ARGUMENT, and the message is for a person: it has words, and not too many.
inline void CheckRefusal(const absl::Status& status) {
  FUZZ_CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  FUZZ_CHECK(!status.message().empty() && status.message().size() < 2000);
}

}  // namespace eldr

#endif  // ELDR_TESTS_FUZZ_FUZZ_CHECK_H_
