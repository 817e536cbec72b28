// Reads routed experts from NumPy's .npy form, as engines and traces ship them.
//
//   auto experts = ParseNpy(bytes);   // uint8, uint16 or int32 of shape [tokens, layers, top_k]
//
// The input is not trusted: a header that promises more than the input holds is refused before
// anything is allocated for it.
#ifndef ELDR_BENCH_REPLAY_NPY_READER_H_
#define ELDR_BENCH_REPLAY_NPY_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace eldr::replay {

// The expert ids that each token was routed to.
struct RoutedExperts {
  std::size_t tokens = 0;
  std::size_t layers = 0;
  std::size_t top_k = 0;
  std::vector<std::uint16_t> ids;  // token by token, layer by layer; each below kMaxExpertIds

  absl::Span<const std::uint16_t> Row(std::size_t token) const {
    return absl::MakeConstSpan(ids).subspan(token * layers * top_k, layers * top_k);
  }
};

// As many experts as a layer may have (core/model/model_geometry.h).
inline constexpr std::size_t kMaxExpertIds = 4096;

// INVALID_ARGUMENT, saying what was found and what was expected, unless `bytes` is a whole .npy
// file of format 1.0, 2.0 or 3.0, in C order, little-endian, with nothing after the data.
absl::StatusOr<RoutedExperts> ParseNpy(absl::string_view bytes);

// The same for a file; errors start with its path. NOT_FOUND if it cannot be opened.
absl::StatusOr<RoutedExperts> ReadNpy(const std::string& path);

}  // namespace eldr::replay

#endif  // ELDR_BENCH_REPLAY_NPY_READER_H_
