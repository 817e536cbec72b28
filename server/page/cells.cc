#include "server/page/cells.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"

namespace eldr {
namespace {

// Enough to tell nodes apart in a picture of a few centimetres.
constexpr std::uint32_t kMostRows = 32;
constexpr std::uint32_t kMostColumns = 64;

std::uint32_t DivideUp(std::uint32_t a, std::uint32_t b) { return (a + b - 1) / b; }

}  // namespace

Cells Quantize(absl::Span<const float> chances) {
  Cells cells(chances.size());
  std::transform(chances.begin(), chances.end(), cells.begin(), [](float chance) {
    return static_cast<std::uint8_t>(std::lround(std::clamp(chance, 0.0f, 1.0f) * 255));
  });
  return cells;
}

std::string Base64(absl::Span<const std::uint8_t> cells) {
  return absl::Base64Escape(
      absl::string_view(reinterpret_cast<const char*>(cells.data()), cells.size()));
}

std::optional<double> CosineDistance(absl::Span<const std::uint8_t> a,
                                     absl::Span<const std::uint8_t> b) {
  // 262,144 cells of 255 squared fit.
  std::uint64_t aa = 0, bb = 0, ab = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    aa += std::uint32_t{a[i]} * a[i];
    bb += std::uint32_t{b[i]} * b[i];
    ab += std::uint32_t{a[i]} * b[i];
  }
  if (aa == 0 || bb == 0) return std::nullopt;
  const double cosine =
      static_cast<double>(ab) / std::sqrt(static_cast<double>(aa) * static_cast<double>(bb));
  return std::clamp(1 - cosine, 0.0, 1.0);
}

std::optional<double> JaccardDistance(absl::Span<const std::uint8_t> a,
                                      absl::Span<const std::uint8_t> b) {
  std::uint64_t least = 0, most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    least += std::min(a[i], b[i]);
    most += std::max(a[i], b[i]);
  }
  if (most == 0) return std::nullopt;
  return 1 - static_cast<double>(least) / static_cast<double>(most);
}

Picture Picture::Of(const ModelGeometry& geometry) {
  Picture picture;
  picture.layers_per_row = DivideUp(geometry.layers, kMostRows);
  picture.experts_per_column = DivideUp(geometry.experts, kMostColumns);
  picture.rows = DivideUp(geometry.layers, picture.layers_per_row);
  picture.columns = DivideUp(geometry.experts, picture.experts_per_column);
  return picture;
}

Cells Picture::Draw(const ModelGeometry& geometry, absl::Span<const std::uint8_t> cells) const {
  std::vector<std::uint32_t> sums(std::size_t{rows} * columns);
  std::vector<std::uint32_t> counts(sums.size());
  for (std::uint32_t layer = 0; layer < geometry.layers; ++layer) {
    for (std::uint32_t expert = 0; expert < geometry.experts; ++expert) {
      const std::size_t field =
          std::size_t{layer / layers_per_row} * columns + expert / experts_per_column;
      sums[field] += cells[std::size_t{layer} * geometry.experts + expert];
      ++counts[field];
    }
  }
  Cells drawn(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    drawn[i] = static_cast<std::uint8_t>((sums[i] + counts[i] / 2) / counts[i]);
  }
  return drawn;
}

}  // namespace eldr
