// Routed experts in NumPy's .npy form, as vLLM returns them and traces keep them.
//
//   auto routed = ParseNpy(bytes, geometry);   // shape [tokens, hidden_layers, top_k]
//
// The input is not trusted: a header that promises more than the input holds is refused before
// anything is allocated for it.
#ifndef ELDR_CLIENT_ENGINES_NPY_H_
#define ELDR_CLIENT_ENGINES_NPY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/engines/geometry.h"
#include "client/engines/npy_header.h"
#include "client/engines/packed_ids.h"
#include "client/engines/routed_experts.h"

namespace eldr::engines {

// The type and shape that a header tells. INVALID_ARGUMENT unless it is an array of uint8, uint16,
// int16, int32, uint32 or int64, little-endian, in C order, with three dimensions.
struct NpyLayout {
  IdType type = IdType::kUint8;
  IdShape shape;
};
absl::StatusOr<NpyLayout> LayoutOf(const NpyHeader& header);

// INVALID_ARGUMENT, saying what was found and what was expected, unless `bytes` is a whole .npy
// file of format 1.0, 2.0 or 3.0 with such an array and nothing after it.
absl::StatusOr<PackedIds> OpenNpy(std::string bytes);

// The same, and reads all its ids, which must fit `geometry` (see UnpackIds).
absl::StatusOr<RoutedExperts> ParseNpy(absl::string_view bytes, const Geometry& geometry);

}  // namespace eldr::engines

#endif  // ELDR_CLIENT_ENGINES_NPY_H_
