// A policy at its place in the router: with what its decisions need from one to the next.
#ifndef ELDR_CORE_ROUTE_SEAT_H_
#define ELDR_CORE_ROUTE_SEAT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "core/policy/policy.h"
#include "core/route/decision.h"
#include "core/route/eligibility.h"
#include "core/route/placement.h"

namespace eldr {

// A model has one seat that decides, and may have another one, the shadow's, whose choices change
// nothing. Each draws from a random stream of its own and remembers its own last choice, so a model
// places the same with and without a shadow. Not thread-safe.
class Seat {
 public:
  // `prior` is the model's, of as many cells; it must outlive the seat.
  Seat(std::unique_ptr<Policy> policy, std::size_t cells, const ActivationPrior& prior,
       std::uint64_t seed)
      : policy_(std::move(policy)), rng_(seed), decision_(cells, prior) {}

  Policy& policy() { return *policy_; }
  const Policy& policy() const { return *policy_; }

  // Orders the candidates, as Decision::Rank does, and takes the first for its choice. `signature`
  // is the request's, nullptr if there is none. REQUIRES: at least one candidate.
  void Decide(const ExpertSignature* signature, MonotonicTime now, const Demand& demand,
              absl::Span<const std::uint8_t> codes, std::vector<Candidate>& candidates);

 private:
  const std::unique_ptr<Policy> policy_;
  std::mt19937_64 rng_;
  std::optional<std::uint64_t> last_ordinal_;  // of the node that it chose last
  Decision decision_;
};

// The second seat of a model: it decides on the fleet as the first one made it, so each decision is
// the one that its policy would take next, not where it would be had it taken all of them.
class ShadowSeat {
 public:
  // `w` weighs the costs that are compared, as in the residency policy.
  ShadowSeat(std::unique_ptr<Policy> policy, std::size_t cells, const ActivationPrior& prior,
             std::uint64_t seed, double w)
      : seat_(std::move(policy), cells, prior, seed), w_(w) {}

  Policy& policy() { return seat_.policy(); }
  const Policy& policy() const { return seat_.policy(); }

  // Keeps a copy of the candidates as they are before the first seat puts them in its order.
  void TakeCandidates(absl::Span<const Candidate> candidates) {
    candidates_.assign(candidates.begin(), candidates.end());
  }
  // What it would choose among them in the place of `chosen`, which is evaluated. The rest is as
  // for Seat::Decide.
  ShadowDecision Decide(const ExpertSignature* signature, MonotonicTime now, const Demand& demand,
                        absl::Span<const std::uint8_t> codes, const Candidate& chosen);

 private:
  Seat seat_;
  const double w_;
  std::vector<Candidate> candidates_;
};

}  // namespace eldr

#endif  // ELDR_CORE_ROUTE_SEAT_H_
