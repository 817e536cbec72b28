#include "client/engines/packed_ids.h"

#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "client/engines/id_rows.h"

namespace eldr::engines {
namespace {

static_assert(std::endian::native == std::endian::little, "ids are read as they are");

template <typename Id>
absl::StatusOr<RoutedExperts> Unpack(absl::string_view data, const IdShape& shape,
                                     const Geometry& geometry, const RowRange& range) {
  return SelectIds(shape, geometry, range, [data](std::uint64_t i) {
    Id id;
    std::memcpy(&id, data.data() + i * sizeof(Id), sizeof(Id));
    return static_cast<std::int64_t>(id);
  });
}

}  // namespace

std::size_t IdWidth(IdType type) {
  switch (type) {
    case IdType::kUint8:
      return 1;
    case IdType::kUint16:
    case IdType::kInt16:
      return 2;
    case IdType::kInt32:
    case IdType::kUint32:
      return 4;
    case IdType::kInt64:
      break;
  }
  return 8;
}

std::string ShapeText(const IdShape& shape) {
  return absl::StrCat("(", shape.tokens, ", ", shape.hidden_layers, ", ", shape.top_k, ")");
}

absl::Status CheckDataSize(const IdShape& shape, IdType type, std::uint64_t data_bytes) {
  if (shape.hidden_layers > kMaxHiddenLayers || shape.top_k > kMaxExperts) {
    return absl::InvalidArgumentError(absl::StrCat("shape ", ShapeText(shape),
                                                   ": expected at most ", kMaxHiddenLayers,
                                                   " layers and top_k ", kMaxExperts));
  }
  const std::uint64_t width = IdWidth(type);
  std::uint64_t left = data_bytes / width;
  bool fits = data_bytes % width == 0;
  // Divides what is there: the product of sizes from outside could overflow.
  for (const std::uint64_t size : {shape.tokens, shape.hidden_layers, shape.top_k}) {
    if (size == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("shape ", ShapeText(shape), ": expected no dimension of 0"));
    }
    fits = fits && left % size == 0;
    left /= size;
  }
  if (fits && left == 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("shape ", ShapeText(shape), " of ", width, "-byte ids: ", data_bytes,
                   " bytes of data do not fit it, expected the product of all"));
}

absl::StatusOr<RoutedExperts> UnpackIds(absl::string_view data, IdType type, const IdShape& shape,
                                        const Geometry& geometry, const RowRange& range) {
  absl::Status size = CheckDataSize(shape, type, data.size());
  if (!size.ok()) return size;
  switch (type) {
    case IdType::kUint8:
      return Unpack<std::uint8_t>(data, shape, geometry, range);
    case IdType::kUint16:
      return Unpack<std::uint16_t>(data, shape, geometry, range);
    case IdType::kInt16:
      return Unpack<std::int16_t>(data, shape, geometry, range);
    case IdType::kInt32:
      return Unpack<std::int32_t>(data, shape, geometry, range);
    case IdType::kUint32:
      return Unpack<std::uint32_t>(data, shape, geometry, range);
    case IdType::kInt64:
      break;
  }
  return Unpack<std::int64_t>(data, shape, geometry, range);
}

}  // namespace eldr::engines
