// Makes .npy files for tests.
#ifndef ELDR_TESTS_CLIENT_ENGINES_NPY_BYTES_H_
#define ELDR_TESTS_CLIENT_ENGINES_NPY_BYTES_H_

#include <cstddef>
#include <string>

namespace eldr::engines {

// A file of the given major version with this header and this data.
inline std::string NpyBytes(const std::string& header, const std::string& data, int version = 1) {
  std::string bytes("\x93NUMPY", 6);
  bytes.push_back(static_cast<char>(version));
  bytes.push_back('\0');
  for (std::size_t i = 0; i < (version == 1 ? 2u : 4u); ++i) {
    bytes.push_back(static_cast<char>(header.size() >> (8 * i) & 0xff));
  }
  return bytes + header + data;
}

}  // namespace eldr::engines

#endif  // ELDR_TESTS_CLIENT_ENGINES_NPY_BYTES_H_
