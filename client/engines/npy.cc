#include "client/engines/npy.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace eldr::engines {
namespace {

struct NamedType {
  const char* descr;
  IdType type;
};

// '|' says that byte order does not matter, which some writers say of single bytes only.
constexpr NamedType kTypes[] = {{"|u1", IdType::kUint8},  {"<u1", IdType::kUint8},
                                {"<u2", IdType::kUint16}, {"<i2", IdType::kInt16},
                                {"<i4", IdType::kInt32},  {"<u4", IdType::kUint32},
                                {"<i8", IdType::kInt64}};

absl::StatusOr<IdType> TypeOf(const std::string& descr) {
  for (const NamedType& named : kTypes) {
    if (descr == named.descr) return named.type;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("descr \"", absl::CHexEscape(descr.substr(0, 64)),
                   "\": expected |u1, <u2, <i2, <i4, <u4 or <i8 (whole numbers, little-endian)"));
}

}  // namespace

absl::StatusOr<NpyLayout> LayoutOf(const NpyHeader& header) {
  if (header.fortran_order) {
    return absl::InvalidArgumentError("fortran_order True: expected False (C order)");
  }
  const absl::StatusOr<IdType> type = TypeOf(header.descr);
  if (!type.ok()) return type.status();
  if (header.shape.size() != 3) {
    return absl::InvalidArgumentError(absl::StrCat("shape (", absl::StrJoin(header.shape, ", "),
                                                   "): expected (tokens, layers, top_k)"));
  }
  return NpyLayout{*type, IdShape{header.shape[0], header.shape[1], header.shape[2]}};
}

absl::StatusOr<PackedIds> OpenNpy(std::string bytes) {
  const absl::StatusOr<NpyHeader> header = ParseNpyHeader(bytes);
  if (!header.ok()) return header.status();
  const absl::StatusOr<NpyLayout> layout = LayoutOf(*header);
  if (!layout.ok()) return layout.status();
  absl::Status size =
      CheckDataSize(layout->shape, layout->type, bytes.size() - header->data_offset);
  if (!size.ok()) return size;
  return PackedIds{std::move(bytes), header->data_offset, layout->type, layout->shape};
}

absl::StatusOr<RoutedExperts> ParseNpy(absl::string_view bytes, const Geometry& geometry) {
  const absl::StatusOr<PackedIds> ids = OpenNpy(std::string(bytes));
  if (!ids.ok()) return ids.status();
  return ids->Read(geometry);
}

}  // namespace eldr::engines
