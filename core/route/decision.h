// One decision: evaluate the candidates, let the policy score them, rank them.
#ifndef ELDR_CORE_ROUTE_DECISION_H_
#define ELDR_CORE_ROUTE_DECISION_H_

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/random/bit_gen_ref.h"
#include "absl/types/span.h"
#include "core/policy/policy.h"
#include "core/residency/contribution.h"
#include "core/route/eligibility.h"

namespace eldr {

// Ranks candidates. Keeps its buffers from one decision to the next. Not thread-safe.
class Decision {
 public:
  explicit Decision(std::size_t cells) : activation_(cells) {}

  // How many of the best are put in order and evaluated, whatever the policy.
  static constexpr std::size_t kRanked = 16;

  // Orders `candidates` so that the first kRanked are the best, best first, with all their fields
  // filled. `codes` is the request's contribution. REQUIRES: at least one candidate.
  void Rank(const Policy& policy, const PolicyContext& context, const Demand& demand,
            absl::Span<const std::uint8_t> codes, std::vector<Candidate>& candidates);

 private:
  void Evaluate(const Demand& demand, absl::Span<const std::uint8_t> codes,
                absl::Span<Candidate> candidates);

  // The request's activation chances at the multiplicity that was needed last.
  std::uint32_t multiplicity_ = 0;
  std::vector<float> activation_;
};

}  // namespace eldr

#endif  // ELDR_CORE_ROUTE_DECISION_H_
