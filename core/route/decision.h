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
#include "core/residency/activation_row.h"
#include "core/residency/mixed_batch.h"
#include "core/route/eligibility.h"

namespace eldr {

// Ranks candidates. Keeps its buffers from one decision to the next. Not thread-safe.
//
// Of more than kAllExact candidates, a policy that evaluates sees the least that each may cost,
// from residencies of half a byte per cell. The kRanked best by that, and all others that may beat
// the best of them by more than kTolerance of its cost, are then evaluated anew. So the choice
// costs at most kTolerance more than the best one, and is the best one where there are fewer
// candidates.
class Decision {
 public:
  // `prior` is of a model of as many cells, and must outlive it.
  Decision(std::size_t cells, const ActivationPrior& prior) : cells_(cells), mixed_(prior) {
    rows_.reserve(kRows);
  }

  static constexpr std::size_t kAllExact = 64;
  static constexpr double kTolerance = 0.005;

  // How many of the best are put in order and evaluated, whatever the policy.
  static constexpr std::size_t kRanked = 16;

  // For how many multiplicities the request's chances are kept during a decision.
  static constexpr std::size_t kRows = 8;

  // Orders `candidates` so that the first kRanked are the best, best first, with all their fields
  // filled. `codes` is the request's contribution. Allocates nothing, once it has seen the
  // multiplicities. REQUIRES: at least one candidate.
  void Rank(const Policy& policy, const PolicyContext& context, const Demand& demand,
            absl::Span<const std::uint8_t> codes, std::vector<Candidate>& candidates);

  // What the last decision cost.
  struct Work {
    std::size_t groups = 0;  // evaluations of an expert group
    std::size_t rows = 0;    // conversions of the request's codes
  };
  const Work& work() const { return work_; }

 private:
  // Fills mixed_step_time for candidates that are all there are, after their evaluation.
  void SetMixedStepTimes(const Demand& demand, std::uint32_t spare_requests,
                         absl::Span<Candidate> candidates);

  enum class Precision : std::uint8_t { kLeast, kExact };
  void Evaluate(const Demand& demand, absl::Span<const std::uint8_t> codes, Precision precision,
                absl::Span<Candidate> candidates);

  // The request's activation chances at a multiplicity.
  const ActivationRow& RowFor(std::uint32_t multiplicity, absl::Span<const std::uint8_t> codes);

  struct Row {
    std::uint32_t multiplicity = 0;
    std::uint64_t decision = 0;  // whose request it is of
    ActivationRow activation;
  };

  const std::size_t cells_;
  MixedBatch mixed_;
  std::uint64_t number_ = 0;  // of the decision
  std::vector<Row> rows_;
  std::size_t last_row_ = 0;  // in use
  Work work_;
};

}  // namespace eldr

#endif  // ELDR_CORE_ROUTE_DECISION_H_
