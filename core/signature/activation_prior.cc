#include "core/signature/activation_prior.h"

#include <algorithm>
#include <utility>

#include "core/signature/learn_kernel.h"

namespace eldr {
namespace {

// The first request moves the prior by a sixteenth, so that it cannot rule alone; after a thousand
// the prior follows changes of traffic at a constant pace.
constexpr std::uint64_t kFirstWeight = 16;
constexpr std::uint64_t kLastWeight = 1000;

}  // namespace

ActivationPrior::ActivationPrior(const ModelGeometry& geometry)
    : layers_(geometry.layers),
      experts_(geometry.experts),
      average_(static_cast<float>(geometry.top_k) / static_cast<float>(geometry.experts)),
      activation_(geometry.cells(), average_) {}

bool ActivationPrior::Restore(Learned learned) {
  const bool chances = std::all_of(learned.activation.begin(), learned.activation.end(),
                                   [](float chance) { return chance >= 0 && chance <= 1; });
  if (learned.activation.size() != activation_.size() || !chances) return false;
  activation_ = std::move(learned.activation);
  learned_requests_ = learned.requests;
  return true;
}

void ActivationPrior::Learn(const ExpertSignature& signature) {
  const auto weight = std::min(learned_requests_ + kFirstWeight, kLastWeight);
  const float step = 1.0f / static_cast<float>(weight);
  const float per_count = step / static_cast<float>(signature.tokens());
  signature.VisitCounts([&](const auto* counts) {
    for (std::size_t layer = 0; layer < layers_; ++layer) {
      if (!signature.LayerCovered(layer)) continue;
      const std::size_t cell = layer * experts_;
      LearnCounts(counts + cell, {per_count, step, average_}, experts_, activation_.data() + cell);
    }
  });
  ++learned_requests_;
}

}  // namespace eldr
