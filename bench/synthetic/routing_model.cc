#include "bench/synthetic/routing_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bench/synthetic/domain_targets.h"
#include "bench/synthetic/normal.h"
#include "core/base/status_macros.h"

namespace eldr::synthetic {
namespace {

// The streams of the seed; requests take those from kFirstRequestStream on (trace_writer.cc).
constexpr std::uint64_t kFitStream = 1;

// Enough that the fitted shares are off by less than what 50 requests of a domain show. Even.
constexpr int kFitRounds = 4;
constexpr std::size_t kFitDraws = 32;

}  // namespace

absl::StatusOr<RoutingModel> RoutingModel::Create(const Marginals& marginals,
                                                  const Options& options) {
  if (options.top_k == 0 || marginals.experts < 2 * options.top_k || marginals.experts > 256) {
    return absl::InvalidArgumentError(absl::StrCat(marginals.experts, " experts, top_k ",
                                                   options.top_k,
                                                   ": expected 2 * top_k to 256 experts"));
  }
  for (const double setting : {options.sharpen, options.request_spread, options.phase_spread}) {
    if (!(setting >= 0 && setting <= kMaxSpread)) {
      return absl::InvalidArgumentError(
          absl::StrCat("setting of the routing model ", setting, ": expected 0 to ", kMaxSpread));
    }
  }
  ELDR_ASSIGN_OR_RETURN(
      std::vector<DomainShape> shapes,
      ShapesOf(marginals, options.mix, {1, options.request_spread, options.phase_spread}));
  return RoutingModel(marginals, options, std::move(shapes));
}

RoutingModel::RoutingModel(const Marginals& marginals, const Options& options,
                           std::vector<DomainShape> shapes)
    : options_(options),
      shapes_(std::move(shapes)),
      layers_(marginals.layers),
      experts_(marginals.experts) {
  FitLogits(marginals);
}

// The spread makes every expert's chance flatter than its logit says, so the logits are corrected
// until the mean chance over drawn requests is the wanted one.
void RoutingModel::FitLogits(const Marginals& marginals) {
  const std::vector<double> targets = DomainTargets(marginals, options_.top_k, options_.sharpen);
  logits_.resize(targets.size());
  replay::RandomStream random(options_.seed, kFitStream);
  std::vector<double> noise(kFitDraws * experts_);
  std::vector<double> weights(experts_);
  std::vector<double> mean(experts_);
  for (std::size_t row = 0; row < targets.size(); row += experts_) {
    const DomainShape& shape = shapes_[row / (layers_ * experts_)];
    const double spread = std::hypot(shape.request_spread, shape.phase_spread);
    // In opposite pairs: what a draw favours by chance, its twin does not.
    for (std::size_t i = 0; i < noise.size() / 2; ++i) {
      noise[i] = spread * Normal(random);
      noise[i + noise.size() / 2] = -noise[i];
    }
    for (std::size_t e = 0; e < experts_; ++e) logits_[row + e] = std::log(targets[row + e]);
    for (int round = 0; round < kFitRounds; ++round) {
      std::fill(mean.begin(), mean.end(), 0.0);
      for (std::size_t draw = 0; draw < kFitDraws; ++draw) {
        for (std::size_t e = 0; e < experts_; ++e) {
          weights[e] = std::exp(logits_[row + e] + noise[draw * experts_ + e]);
        }
        AddPickChances(weights, options_.top_k, absl::MakeSpan(mean));
      }
      for (std::size_t e = 0; e < experts_; ++e) {
        logits_[row + e] += std::log(targets[row + e] * kFitDraws / mean[e]);
      }
    }
  }
}

RequestRouting RoutingModel::DrawRequest(std::size_t domain, replay::RandomStream& random) const {
  const std::size_t cells = layers_ * experts_;
  std::vector<double> logits(logits_.begin() + static_cast<std::ptrdiff_t>(domain * cells),
                             logits_.begin() + static_cast<std::ptrdiff_t>((domain + 1) * cells));
  for (double& logit : logits) logit += shapes_[domain].request_spread * Normal(random);
  RequestRouting routing;
  const double spread = shapes_[domain].phase_spread;
  routing.prefill = Accumulate(logits, spread, random);
  routing.decode = Accumulate(logits, spread, random);
  return routing;
}

PhaseWeights RoutingModel::Accumulate(const std::vector<double>& request_logits, double spread,
                                      replay::RandomStream& random) const {
  PhaseWeights cumulative(request_logits.size());
  for (std::size_t row = 0; row < cumulative.size(); row += experts_) {
    double total = 0;
    for (std::size_t e = 0; e < experts_; ++e) {
      total += std::exp(request_logits[row + e] + spread * Normal(random));
      cumulative[row + e] = total;
    }
  }
  return cumulative;
}

// Drawing again what was drawn already is the same as drawing from the rest.
void RoutingModel::DrawToken(const PhaseWeights& weights, replay::RandomStream& random,
                             absl::Span<std::uint8_t> experts) const {
  for (std::size_t layer = 0; layer < layers_; ++layer) {
    const auto first = weights.begin() + static_cast<std::ptrdiff_t>(layer * experts_);
    const auto last = first + static_cast<std::ptrdiff_t>(experts_);
    const absl::Span<std::uint8_t> picked = experts.subspan(layer * options_.top_k, options_.top_k);
    for (std::size_t count = 0; count < picked.size();) {
      const double draw = random.Uniform() * *(last - 1);
      // Rounding may put the draw onto the total itself.
      const auto found = std::min(std::upper_bound(first, last, draw), last - 1);
      const auto expert = static_cast<std::uint8_t>(found - first);
      const auto end = picked.begin() + count;
      if (std::find(picked.begin(), end, expert) == end) picked[count++] = expert;
    }
    std::sort(picked.begin(), picked.end());
  }
}

}  // namespace eldr::synthetic
