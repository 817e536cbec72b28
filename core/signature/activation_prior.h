// What is believed of a request of which nothing is known: how often requests of the model pick
// each expert.
#ifndef ELDR_CORE_SIGNATURE_ACTIVATION_PRIOR_H_
#define ELDR_CORE_SIGNATURE_ACTIVATION_PRIOR_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "core/model/model_geometry.h"
#include "core/signature/expert_signature.h"

namespace eldr {

// Starts at top_k / experts and learns online, every request weighing the same however long it is:
//   p0 += (counts / tokens - p0) / min(n + 16, 1000),  n the requests learned before,
// but no request raises an expert's chance by more than top_k / experts, which it has on average: a
// single strange one, among the first, must not make an expert the most likely of all.
// Not thread-safe.
class ActivationPrior {
 public:
  // What it knows, to be kept and given back.
  struct Learned {
    std::uint64_t requests = 0;
    std::vector<float> activation;
  };

  explicit ActivationPrior(const ModelGeometry& geometry);

  Learned Save() const { return {learned_requests_, activation_}; }
  // Takes what Save() gave; false, with nothing changed, if it is not a prior of this geometry.
  bool Restore(Learned learned);

  // Learns from a request's signature; layers that are not covered keep their value. Call it once
  // per request, after the request was estimated.
  void Learn(const ExpertSignature& signature);

  // The chance that one token activates the expert, by cell.
  absl::Span<const float> activation() const { return activation_; }
  std::uint64_t learned_requests() const { return learned_requests_; }

 private:
  const std::size_t layers_;
  const std::size_t experts_;
  const float average_;  // top_k / experts
  std::uint64_t learned_requests_ = 0;
  std::vector<float> activation_;
};

}  // namespace eldr

#endif  // ELDR_CORE_SIGNATURE_ACTIVATION_PRIOR_H_
