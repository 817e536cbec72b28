// Expert ids as an array of little-endian integers.
#ifndef ELDR_CLIENT_ENGINES_PACKED_IDS_H_
#define ELDR_CLIENT_ENGINES_PACKED_IDS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/engines/geometry.h"
#include "client/engines/routed_experts.h"

namespace eldr::engines {

enum class IdType : std::uint8_t { kUint8, kUint16, kInt16, kInt32, kUint32, kInt64 };

// Bytes of an id.
std::size_t IdWidth(IdType type);

// How an engine laid its ids out.
struct IdShape {
  std::uint64_t tokens = 0;
  std::uint64_t hidden_layers = 0;  // rows of each token, dense layers often among them
  std::uint64_t top_k = 0;
};

// "(12, 48, 8)".
std::string ShapeText(const IdShape& shape);

// OK if no number of the shape is 0 or absurd, and such an array takes exactly `data_bytes`,
// computed without overflow.
absl::Status CheckDataSize(const IdShape& shape, IdType type, std::uint64_t data_bytes);

// Reads the tokens of the range. Drops the rows of dense layers and checks every id that is left:
// below the geometry's experts (kMaxExperts if those are not known), and only once in a layer of a
// token. Ids in the rows of dense layers, and of tokens out of the range, may be anything. Errors
// are INVALID_ARGUMENT and name place, value and what was expected; a size that does not fit is
// found before anything is allocated.
absl::StatusOr<RoutedExperts> UnpackIds(absl::string_view data, IdType type, const IdShape& shape,
                                        const Geometry& geometry, const RowRange& range = {});

// An array whose size fits its shape and whose ids have not been looked at yet.
struct PackedIds {
  std::string bytes;
  std::size_t data_offset = 0;  // where the array starts in them
  IdType type = IdType::kUint8;
  IdShape shape;

  absl::StatusOr<RoutedExperts> Read(const Geometry& geometry, const RowRange& range = {}) const {
    return UnpackIds(absl::string_view(bytes).substr(data_offset), type, shape, geometry, range);
  }
};

}  // namespace eldr::engines

#endif  // ELDR_CLIENT_ENGINES_PACKED_IDS_H_
