#include "tools/fit/layer_mask.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/profile/fit_stream.h"
#include "tools/fit/rank_correlation.h"

namespace eldr {
namespace {

// Guards a product of norms against zero: two requests that have nothing in these layers are as
// far apart as can be.
constexpr float kLeastProduct = 1e-9f;

using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;

Pairs DrawPairs(std::size_t requests, std::size_t count, std::uint64_t seed) {
  FitStream stream(seed);
  Pairs pairs(count);
  for (auto& [left, right] : pairs) {
    left = stream.Below(requests);
    right = stream.Below(requests - 1);
    if (right >= left) ++right;
  }
  return pairs;
}

float Dot(absl::Span<const float> a, absl::Span<const float> b) {
  using Map = Eigen::Map<const Eigen::VectorXf>;
  const auto size = static_cast<Eigen::Index>(a.size());
  return Map(a.data(), size).dot(Map(b.data(), size));
}

float Distance(float product, float left_square, float right_square) {
  return 1.0f - product / std::sqrt(std::max(left_square * right_square, kLeastProduct));
}

// Distances of the pairs over a growing set of layers. A layer's inner products are computed once,
// so that trying a layer costs a few operations per pair, whatever the number of experts.
class PairDistances {
 public:
  PairDistances(const VectorSet& vectors, std::uint32_t layers, const Pairs& pairs)
      : products_(layers, pairs.size()),
        left_squares_(layers, pairs.size()),
        right_squares_(layers, pairs.size()),
        sums_(3, pairs.size()) {
    const std::size_t experts = vectors.dimension() / layers;
    VectorSet squares(layers, vectors.size());
    for (std::uint32_t layer = 0; layer < layers; ++layer) {
      const auto part = [&](std::size_t request) {
        return vectors[request].subspan(layer * experts, experts);
      };
      for (std::size_t i = 0; i < vectors.size(); ++i) squares[layer][i] = Dot(part(i), part(i));
      for (std::size_t i = 0; i < pairs.size(); ++i) {
        const auto [left, right] = pairs[i];
        products_[layer][i] = Dot(part(left), part(right));
        left_squares_[layer][i] = squares[layer][left];
        right_squares_[layer][i] = squares[layer][right];
      }
    }
  }

  void With(std::uint32_t layer, absl::Span<float> distances) const {
    for (std::size_t i = 0; i < distances.size(); ++i) {
      distances[i] =
          Distance(sums_[0][i] + products_[layer][i], sums_[1][i] + left_squares_[layer][i],
                   sums_[2][i] + right_squares_[layer][i]);
    }
  }

  void Add(std::uint32_t layer) {
    const auto add = [&](std::size_t sum, const VectorSet& terms) {
      for (std::size_t i = 0; i < terms.dimension(); ++i) sums_[sum][i] += terms[layer][i];
    };
    add(0, products_);
    add(1, left_squares_);
    add(2, right_squares_);
  }

 private:
  // By layer, then pair.
  VectorSet products_;
  VectorSet left_squares_;
  VectorSet right_squares_;
  // The three, summed over the layers added.
  VectorSet sums_;
};

std::vector<float> DecodeDistances(const VectorSet& decode_counts, const Pairs& pairs) {
  std::vector<float> distances;
  distances.reserve(pairs.size());
  for (const auto& [left, right] : pairs) {
    const absl::Span<const float> a = decode_counts[left];
    const absl::Span<const float> b = decode_counts[right];
    distances.push_back(Distance(Dot(a, b), Dot(a, a), Dot(b, b)));
  }
  return distances;
}

}  // namespace

std::vector<std::uint32_t> LayerMask::layers() const {
  std::vector<std::uint32_t> layers;
  for (std::size_t i = 0; i < kept; ++i) layers.push_back(path[i].layer);
  std::sort(layers.begin(), layers.end());
  return layers;
}

absl::StatusOr<LayerMask> SelectLayers(const VectorSet& signatures, const VectorSet& decode_counts,
                                       std::uint32_t layers, std::uint64_t seed,
                                       FitProgress progress, std::size_t pairs) {
  if (signatures.size() < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("layer mask: got ", signatures.size(), " requests, expected at least 2"));
  }
  const Pairs drawn = DrawPairs(signatures.size(), pairs, seed);
  RankCorrelation correlation(DecodeDistances(decode_counts, drawn));
  if (!correlation.target_varies()) {
    return absl::InvalidArgumentError(
        "layer mask: all pairs of requests decode equally alike, so no layer tells them apart");
  }
  PairDistances distances(signatures, layers, drawn);
  std::vector<float> buffer(drawn.size());
  std::vector<bool> taken(layers);
  LayerMask mask;
  while (mask.path.size() < layers) {
    LayerMask::Step best = {layers, 0};
    for (std::uint32_t layer = 0; layer < layers; ++layer) {
      if (taken[layer]) continue;
      distances.With(layer, absl::MakeSpan(buffer));
      const double value = correlation.With(buffer);
      if (best.layer == layers || value > best.correlation) best = {layer, value};
    }
    taken[best.layer] = true;
    distances.Add(best.layer);
    mask.path.push_back(best);
    if (mask.kept == 0 || best.correlation > mask.correlation()) mask.kept = mask.path.size();
    progress("layer mask", mask.path.size(), layers);
  }
  return mask;
}

}  // namespace eldr
