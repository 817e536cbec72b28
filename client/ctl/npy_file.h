// Routed experts in a .npy file.
#ifndef ELDR_CLIENT_CTL_NPY_FILE_H_
#define ELDR_CLIENT_CTL_NPY_FILE_H_

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace eldr::ctl {

// What the header of a .npy file says.
struct NpyHeader {
  uint32_t width = 0;  // bytes of an id
  uint64_t tokens = 0;
  uint32_t layers = 0;
  uint32_t top_k = 0;
};

// Reads the header's text, the Python literal of a dictionary. Takes little-endian uint8, uint16
// and int32 in C order with three axes; anything else is INVALID_ARGUMENT.
absl::StatusOr<NpyHeader> ParseNpyHeader(absl::string_view text);

// An open file of shape [tokens, layers, top_k]. Rows are read as they are asked for, so a file may
// be larger than memory. Not thread-safe. Errors name the file.
class NpyFile {
 public:
  // Checks the header, and that the file is as long as it says.
  static absl::StatusOr<NpyFile> Open(const std::string& path);

  const NpyHeader& header() const { return header_; }

  // The ids of tokens begin to end - 1. INVALID_ARGUMENT unless begin < end <= tokens.
  absl::StatusOr<std::vector<int32_t>> ReadTokens(uint64_t begin, uint64_t end);

 private:
  NpyFile(std::string path, std::ifstream file, NpyHeader header, uint64_t data_offset);

  std::string path_;
  std::ifstream file_;
  NpyHeader header_;
  uint64_t data_offset_;
};

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_NPY_FILE_H_
