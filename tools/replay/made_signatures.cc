#include "tools/replay/made_signatures.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/string_view.h"

namespace eldr {
namespace {

constexpr std::uint32_t kTokens = 512;
constexpr std::uint32_t kTokensOfBytes = 192;
constexpr std::size_t kKinds = 8;

// A layer's counts: top_k * tokens picks, no expert by more than every token. Experts that a kind
// favours come first in its order; `spread` of them share the picks, the early ones more.
void FillLayer(std::uint32_t tokens, std::uint32_t top_k, std::size_t spread,
               std::mt19937_64& order_rng, std::mt19937_64& rng, std::uint16_t* counts,
               std::size_t experts) {
  std::vector<std::size_t> order(experts);
  for (std::size_t i = 0; i < experts; ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), order_rng);
  std::vector<double> weights(spread);
  double sum = 0;
  for (std::size_t i = 0; i < spread; ++i) {
    const double noise = 0.25 + static_cast<double>(rng() % 1024) / 1024;
    sum += weights[i] = noise / (4 + static_cast<double>(i));
  }
  std::uint32_t left = top_k * tokens;
  for (std::size_t i = 0; i < spread; ++i) {
    const double share = weights[i] / sum * top_k * tokens;
    const std::uint32_t count = std::clamp(static_cast<std::uint32_t>(share), 1u, tokens);
    counts[order[i]] = static_cast<std::uint16_t>(std::min(count, left));
    left -= counts[order[i]];
  }
  for (std::size_t i = 0; left > 0; i = (i + 1) % spread) {
    const std::uint32_t more = std::min<std::uint32_t>(left, tokens - counts[order[i]]);
    counts[order[i]] = static_cast<std::uint16_t>(counts[order[i]] + more);
    left -= more;
  }
}

}  // namespace

SignatureData MadeSignature::Data(SignatureForm form) const {
  SignatureData data;
  data.tokens = tokens;
  if (form == SignatureForm::kSparse) {
    data.counts = SignatureData::Sparse{sparse_cells, sparse_counts};
  } else if (form == SignatureForm::kBytes) {
    data.counts = SignatureData::Dense{CountWidth::k8,
                                       {reinterpret_cast<const char*>(bytes.data()), bytes.size()}};
  } else {
    data.counts = SignatureData::Dense{
        CountWidth::k16, {reinterpret_cast<const char*>(counts.data()), 2 * counts.size()}};
  }
  return data;
}

std::vector<MadeSignature> MakeSignatures(const ModelGeometry& geometry, SignatureForm form,
                                          std::size_t count, std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  const std::size_t experts = geometry.experts;
  const std::size_t spread =
      form == SignatureForm::kSparse
          ? std::min(experts, std::max<std::size_t>(geometry.top_k + 1, experts / 10))
          : std::max<std::size_t>(geometry.top_k, experts * 3 / 4);
  const std::uint32_t tokens = form == SignatureForm::kBytes ? kTokensOfBytes : kTokens;
  std::vector<MadeSignature> made(count);
  for (std::size_t i = 0; i < count; ++i) {
    MadeSignature& signature = made[i];
    signature.tokens = tokens;
    signature.counts.assign(geometry.cells(), 0);
    std::mt19937_64 order_rng(seed + i % kKinds);  // a kind has its order of experts
    for (std::size_t layer = 0; layer < geometry.layers; ++layer) {
      FillLayer(tokens, geometry.top_k, spread, order_rng, rng,
                signature.counts.data() + layer * experts, experts);
    }
    if (form == SignatureForm::kBytes) {
      signature.bytes.assign(signature.counts.begin(), signature.counts.end());
    }
    for (std::uint32_t cell = 0; cell < geometry.cells(); ++cell) {
      if (signature.counts[cell] == 0) continue;
      signature.sparse_cells.push_back(cell);
      signature.sparse_counts.push_back(signature.counts[cell]);
    }
  }
  return made;
}

VectorSet MakeCentroids(const ModelGeometry& geometry, std::size_t count, std::uint64_t seed) {
  VectorSet centroids;
  for (const MadeSignature& signature :
       MakeSignatures(geometry, SignatureForm::kDense, count, seed)) {
    std::vector<float> vector(signature.counts.begin(), signature.counts.end());
    double square = 0;
    for (const float value : vector) square += double{value} * double{value};
    for (float& value : vector) value = static_cast<float>(value / std::sqrt(square));
    centroids.Add(vector);
  }
  return centroids;
}

}  // namespace eldr
