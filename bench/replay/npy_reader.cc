#include "bench/replay/npy_reader.h"

#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "bench/replay/file_contents.h"
#include "bench/replay/npy_header.h"
#include "core/base/status_macros.h"

namespace eldr::replay {
namespace {

// Copies `data`, an array of T in little-endian order, into `experts.ids`.
template <typename T>
absl::Status CopyIds(absl::string_view data, RoutedExperts& experts) {
  const std::size_t count = data.size() / sizeof(T);
  experts.ids.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    T id;
    std::memcpy(&id, data.data() + i * sizeof(T), sizeof(T));
    // A negative id turns into one that is far too large.
    if (static_cast<std::uint64_t>(id) >= kMaxExpertIds) {
      return absl::InvalidArgumentError(
          absl::StrCat("expert id ", id, " at element ", i, ": expected 0 to ", kMaxExpertIds - 1));
    }
    experts.ids[i] = static_cast<std::uint16_t>(id);
  }
  return absl::OkStatus();
}

// OK if `shape` is [tokens, layers, top_k] and such an array of `width`-byte elements takes exactly
// `data_bytes`. Divides where a product could overflow.
absl::Status CheckShape(const std::vector<std::uint64_t>& shape, std::size_t width,
                        std::size_t data_bytes) {
  const std::string text = absl::StrCat("shape (", absl::StrJoin(shape, ", "), ")");
  if (shape.size() != 3) {
    return absl::InvalidArgumentError(absl::StrCat(text, ": expected (tokens, layers, top_k)"));
  }
  std::size_t left = data_bytes / width;
  bool fits = data_bytes % width == 0;
  for (const std::uint64_t size : shape) {
    if (size == 0) {
      return absl::InvalidArgumentError(absl::StrCat(text, ": expected no dimension of 0"));
    }
    fits = fits && left % size == 0;
    left /= size;
  }
  if (!fits || left != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        text, " of ", width, "-byte elements: ", data_bytes, " bytes of data do not fit it"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RoutedExperts> ParseNpy(absl::string_view bytes) {
  ELDR_ASSIGN_OR_RETURN(const NpyHeader header, ParseNpyHeader(bytes));
  if (header.fortran_order) {
    return absl::InvalidArgumentError("fortran_order True: expected False (C order)");
  }
  const std::size_t width = header.descr == "|u1"   ? 1
                            : header.descr == "<u2" ? 2
                            : header.descr == "<i4" ? 4
                                                    : 0;
  if (width == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("descr \"", absl::CHexEscape(header.descr), "\": expected |u1, <u2 or <i4"));
  }
  const absl::string_view data = bytes.substr(header.data_offset);
  ELDR_RETURN_IF_ERROR(CheckShape(header.shape, width, data.size()));
  RoutedExperts experts;
  experts.tokens = header.shape[0];
  experts.layers = header.shape[1];
  experts.top_k = header.shape[2];
  switch (width) {
    case 1:
      ELDR_RETURN_IF_ERROR(CopyIds<std::uint8_t>(data, experts));
      break;
    case 2:
      ELDR_RETURN_IF_ERROR(CopyIds<std::uint16_t>(data, experts));
      break;
    default:
      ELDR_RETURN_IF_ERROR(CopyIds<std::int32_t>(data, experts));
      break;
  }
  return experts;
}

absl::StatusOr<RoutedExperts> ReadNpy(const std::string& path) {
  ELDR_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  absl::StatusOr<RoutedExperts> experts = ParseNpy(bytes);
  if (!experts.ok()) return Annotate(experts.status(), path);
  return experts;
}

}  // namespace eldr::replay
