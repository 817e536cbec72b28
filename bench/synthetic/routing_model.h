// Draws the experts of tokens so that requests of one domain are alike, and not the same.
//
// Per request, layer and phase (prompt or answer) an expert has the logit
//   domain logit + request_spread * N(0, 1) + phase_spread * N(0, 1)
// where the request's draw is shared by its phases. A token takes top_k distinct experts with
// chances in proportion to exp(logit), which is what the top_k of logit + Gumbel noise gives.
#ifndef ELDR_BENCH_SYNTHETIC_ROUTING_MODEL_H_
#define ELDR_BENCH_SYNTHETIC_ROUTING_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "bench/synthetic/marginals.h"
#include "bench/synthetic/mix.h"
#include "tools/replay/random_stream.h"

namespace eldr::synthetic {

// What sharpen and the spreads may be at most.
inline constexpr double kMaxSpread = 10;

// Cumulative weights of a phase of a request, [layers, experts].
using PhaseWeights = std::vector<double>;

struct RequestRouting {
  PhaseWeights prefill;
  PhaseWeights decode;
};

// Immutable once made.
class RoutingModel {
 public:
  struct Options {
    std::size_t top_k = 8;
    // How far domains are moved apart: domain shares become mean^(1 - sharpen) * share^sharpen, the
    // mean being over domains. 1 leaves the tables as they are; batches of one domain of this data
    // then need 9-12 % fewer experts than mixed ones, not the published 17-21 %.
    double sharpen = 1.75;
    // How much requests of a domain differ.
    double request_spread = 0.6;
    // How much the answer of a request differs from its prompt.
    double phase_spread = 0.6;
    // The domains wanted, with spreads of their own; empty: all, in equal shares.
    std::vector<DomainOfMix> mix;
    std::uint64_t seed = 1;
  };

  // Fits the domain logits so that the spread leaves the domains' shares where they are. It takes a
  // second for 48 layers of 128 experts. INVALID_ARGUMENT if a layer has fewer than 2 * top_k
  // experts, a setting is not a number from 0 to kMaxSpread, or as of ShapesOf.
  static absl::StatusOr<RoutingModel> Create(const Marginals& marginals, const Options& options);

  RequestRouting DrawRequest(std::size_t domain, replay::RandomStream& random) const;
  // Fills `experts`, [layers, top_k], in ascending order in each layer.
  void DrawToken(const PhaseWeights& weights, replay::RandomStream& random,
                 absl::Span<std::uint8_t> experts) const;

  // By domain of the tables.
  const std::vector<DomainShape>& shapes() const { return shapes_; }
  std::size_t layers() const { return layers_; }
  std::size_t experts() const { return experts_; }
  std::size_t top_k() const { return options_.top_k; }

 private:
  RoutingModel(const Marginals& marginals, const Options& options, std::vector<DomainShape> shapes);
  void FitLogits(const Marginals& marginals);
  PhaseWeights Accumulate(const std::vector<double>& request_logits, double spread,
                          replay::RandomStream& random) const;

  Options options_;
  std::vector<DomainShape> shapes_;  // by domain
  std::size_t layers_;
  std::size_t experts_;
  std::vector<double> logits_;  // [domains, layers, experts]
};

}  // namespace eldr::synthetic

#endif  // ELDR_BENCH_SYNTHETIC_ROUTING_MODEL_H_
