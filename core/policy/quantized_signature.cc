#include "core/policy/quantized_signature.h"

#include <algorithm>
#include <cmath>

#include "core/policy/band_kernels.h"
#include "core/residency/score_kernel.h"

namespace eldr {
namespace {

constexpr float kLargestInteger = 32767;
// Where SignatureTransform takes a vector for zero.
constexpr float kLeast = 1e-9f;

// Calls `visit(cell, place, size)` for each run of layers that follow each other in the model: the
// run's first cell, its place in the packed vector, and how many cells it has.
template <typename Visitor>
void ForEachRun(const SignatureTransform& transform, const Visitor& visit) {
  const std::vector<std::uint32_t>& mask = transform.layer_mask;
  for (std::size_t begin = 0; begin < mask.size();) {
    std::size_t end = begin + 1;
    while (end < mask.size() && mask[end] == mask[end - 1] + 1) ++end;
    visit(std::size_t{mask[begin]} * transform.experts, begin * transform.experts,
          (end - begin) * transform.experts);
    begin = end;
  }
}

}  // namespace

bool QuantizedSignature::Assign(const SignatureTransform& transform,
                                const ExpertSignature& signature) {
  values_.resize(PaddedCells(transform.dimension()));
  row_.resize(2 * values_.size());
  const float* const idf = transform.idf.empty() ? nullptr : transform.idf.data();
  const auto weights = [idf](std::size_t place) { return idf == nullptr ? nullptr : idf + place; };
  return signature.VisitCounts([&](const auto* counts) {
    float largest = 0;
    ForEachRun(transform, [&](std::size_t cell, std::size_t place, std::size_t size) {
      largest = std::max(largest, LargestWeighted(counts + cell, weights(place), size));
    });
    if (!(largest > kLeast)) {
      Clear();
      return false;
    }
    float factor = kLargestInteger / largest;
    // A whole number keeps counts exact.
    if (idf == nullptr && factor >= 1) factor = std::floor(factor);
    std::uint64_t squares = 0;
    ForEachRun(transform, [&](std::size_t cell, std::size_t place, std::size_t size) {
      squares +=
          QuantizeWeighted(counts + cell, weights(place), size, factor, values_.data() + place);
    });
    PackRow(values_.data(), values_.size(), row_.data());
    norm_ = std::sqrt(static_cast<double>(squares));
    return true;
  });
}

}  // namespace eldr
