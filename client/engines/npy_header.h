// The header of a .npy file.
#ifndef ELDR_CLIENT_ENGINES_NPY_HEADER_H_
#define ELDR_CLIENT_ENGINES_NPY_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace eldr::engines {

struct NpyHeader {
  std::string descr;  // e.g. "|u1"
  bool fortran_order = false;
  std::vector<std::uint64_t> shape;
  std::size_t data_offset = 0;  // where the array starts
};

// INVALID_ARGUMENT unless `bytes` starts with the magic, a known version, and a header that has the
// keys descr, fortran_order and shape once each and no other.
absl::StatusOr<NpyHeader> ParseNpyHeader(absl::string_view bytes);

}  // namespace eldr::engines

#endif  // ELDR_CLIENT_ENGINES_NPY_HEADER_H_
