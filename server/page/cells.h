// Chances by cell (layer, expert), one byte each.
#ifndef ELDR_SERVER_PAGE_CELLS_H_
#define ELDR_SERVER_PAGE_CELLS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "core/model/model_geometry.h"

namespace eldr {

// A chance of 0 to 1 as a byte: byte * kCellScale, within half of it.
using Cells = std::vector<std::uint8_t>;
inline constexpr double kCellScale = 1.0 / 255;

Cells Quantize(absl::Span<const float> chances);
std::string Base64(absl::Span<const std::uint8_t> cells);
inline std::string PackCells(absl::Span<const float> chances) { return Base64(Quantize(chances)); }

// 1 - cosine, 0 to 1; nothing if one of them is all zero. REQUIRES: equal sizes.
std::optional<double> CosineDistance(absl::Span<const std::uint8_t> a,
                                     absl::Span<const std::uint8_t> b);
// 1 - sum(min) / sum(max), 0 to 1; nothing if both are all zero. REQUIRES: equal sizes.
std::optional<double> JaccardDistance(absl::Span<const std::uint8_t> a,
                                      absl::Span<const std::uint8_t> b);

// How cells become a small picture: each of its fields is the mean of `layers_per_row` x
// `experts_per_column` cells.
struct Picture {
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::uint32_t layers_per_row = 1;
  std::uint32_t experts_per_column = 1;

  static Picture Of(const ModelGeometry& geometry);
  Cells Draw(const ModelGeometry& geometry, absl::Span<const std::uint8_t> cells) const;
};

}  // namespace eldr

#endif  // ELDR_SERVER_PAGE_CELLS_H_
