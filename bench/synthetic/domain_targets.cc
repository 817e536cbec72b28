#include "bench/synthetic/domain_targets.h"

#include <algorithm>
#include <cmath>

namespace eldr::synthetic {
namespace {

// Shares of tokens. The tables have zeros, which a finite sample shows for any rare expert.
constexpr double kLeastShare = 1e-4;
// No draw of distinct experts with finite weights reaches 1.
constexpr double kGreatestChance = 0.97;
constexpr int kNewtonSteps = 10;

}  // namespace

std::vector<double> DomainTargets(const Marginals& marginals, std::size_t top_k, double sharpen) {
  const std::size_t domains = marginals.domains.size();
  const auto experts = static_cast<std::ptrdiff_t>(marginals.experts);
  std::vector<double> targets;
  targets.reserve(marginals.shares.size());
  for (std::size_t domain = 0; domain < domains; ++domain) {
    for (std::size_t layer = 0; layer < marginals.layers; ++layer) {
      double total = 0;
      for (std::size_t e = 0; e < marginals.experts; ++e) {
        double mean = 0;
        for (std::size_t d = 0; d < domains; ++d) mean += marginals.Layer(d, layer)[e];
        mean = std::max(mean / static_cast<double>(domains), kLeastShare);
        const double share = std::max(marginals.Layer(domain, layer)[e], kLeastShare);
        targets.push_back(mean * std::pow(share / mean, sharpen));
        total += targets.back();
      }
      const double scale = static_cast<double>(top_k) / total;
      std::transform(targets.end() - experts, targets.end(), targets.end() - experts,
                     [scale](double share) { return std::min(share * scale, kGreatestChance); });
    }
  }
  return targets;
}

void AddPickChances(absl::Span<const double> weights, std::size_t top_k,
                    absl::Span<double> chances) {
  double total = 0;
  for (const double weight : weights) total += weight;
  // How many have finished grows with time, ever slower: from below, Newton's steps never
  // overshoot.
  double time = static_cast<double>(top_k) / total;
  for (int step = 0; step < kNewtonSteps; ++step) {
    double finished = 0;
    double slope = 0;
    for (const double weight : weights) {
      const double running = std::exp(-time * weight);
      finished += 1 - running;
      slope += weight * running;
    }
    const double missing = static_cast<double>(top_k) - finished;
    time += missing / slope;
    if (missing < 1e-6) break;
  }
  for (std::size_t e = 0; e < weights.size(); ++e) chances[e] += 1 - std::exp(-time * weights[e]);
}

}  // namespace eldr::synthetic
