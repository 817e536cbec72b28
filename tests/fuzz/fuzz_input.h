// Choices, drawn from the bytes that a fuzzer hands in.
#ifndef ELDR_TESTS_FUZZ_FUZZ_INPUT_H_
#define ELDR_TESTS_FUZZ_FUZZ_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace eldr {

// Reads values from the input; zeros once it has ended. Names come from a few, so that calls meet.
class FuzzInput {
 public:
  explicit FuzzInput(absl::string_view bytes) : bytes_(bytes) {}
  bool ended() const { return bytes_.empty(); }
  std::uint8_t Byte() {
    const absl::string_view one = Take(1);
    return one.empty() ? 0 : static_cast<std::uint8_t>(one[0]);
  }
  absl::string_view Take(std::size_t size) {
    const absl::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(taken.size());
    return taken;
  }
  bool OneIn(unsigned n) { return Byte() % n == 0; }
  std::string Request() { return absl::StrCat("r", Byte() % 12); }
  std::string Node() { return absl::StrCat("n", Byte() % 5); }
  std::string Hash() { return std::string(1, "abcdef"[Byte() % 6]); }
  // The second is declared only if a call does.
  std::string Model() { return Byte() % 16 == 15 ? "second" : "m"; }

 private:
  absl::string_view bytes_;
};

}  // namespace eldr

#endif  // ELDR_TESTS_FUZZ_FUZZ_INPUT_H_
