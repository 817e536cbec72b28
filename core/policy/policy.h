// How a decode node is chosen among those that may take a request.
#ifndef ELDR_CORE_POLICY_POLICY_H_
#define ELDR_CORE_POLICY_POLICY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/random/bit_gen_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/base/background_work.h"
#include "core/base/clock.h"
#include "core/fleet/decode_node.h"
#include "core/profile/vector_set.h"
#include "core/signature/expert_signature.h"

namespace eldr {

// A node that may take the request, with what the decision knows of it.
struct Candidate {
  DecodeNode* node = nullptr;
  std::uint32_t load = 0;  // B of the node

  // Of the node's expert group; filled for policies whose evaluates() is true.
  double batch = 0;             // B of the group
  double expected_experts = 0;  // A
  double marginal_experts = 0;  // dA that the request adds
  double step_time = 0;         // t(A, B, H), seconds
  double step_time_with = 0;    // t with the request in the batch, seconds
  // t if the node had its even share of the candidates' requests, mixed as they come, and
  // Policy::spare_requests() more; seconds. 0 if the policy asks for none.
  double mixed_step_time = 0;

  // What the policy writes.
  double cost = 0;
  bool avoided = false;  // taken only if all are, whatever the costs
};

// What a policy may know beside the candidates.
struct PolicyContext {
  // The ordinal of the node that the last placement chose; none before the first.
  std::optional<std::uint64_t> last_ordinal;
  absl::BitGenRef rng;
  const ExpertSignature* signature = nullptr;  // the request's, if it is known
  MonotonicTime now;
};

// Among equal costs and equal loads.
enum class TieRule : std::uint8_t { kRandom, kLowestOrdinal };

// What became of the work that a policy handed out.
struct PolicyFits {
  std::uint64_t started = 0;
  std::uint64_t published = 0;  // in force, or were
  std::uint64_t failed = 0;     // the rest came too late for a changed fleet
};

// What a policy has learned from the traffic, to be kept beyond the process: which part of the
// signature space is whose.
struct PolicyMemory {
  // Of what the rest is relative to; a policy takes back only what bears its own.
  std::uint64_t fingerprint = 0;
  VectorSet centroids;                            // by region
  std::vector<std::uint64_t> ordinals;            // of the nodes, ascending
  std::vector<std::vector<std::uint32_t>> owned;  // regions, by node
};

// A policy is small and fast, and stateless unless its choice depends on traffic that was: then it
// has hooks, which cost nothing to those that leave them alone. Calls for one model never overlap.
// The router takes the candidate of the least (avoided, cost, load), and names the next ones as
// fallbacks.
class Policy {
 public:
  virtual ~Policy() = default;
  // As in the configuration; a static string.
  virtual absl::string_view name() const = 0;
  // True if Score reads the residency fields of the candidates, which cost time to fill. Then the
  // cost of a candidate depends on it alone, and neither falls nor does avoided turn false if its
  // marginal_experts and step_time_with rise: Score may be called again for some candidates, in any
  // order, and see the least that these fields can be.
  virtual bool evaluates() const { return false; }
  // For how many requests like the one at hand, beyond an even share of them all, Score wants to
  // know the mixed_step_time. None if it does not, or evaluates() is false.
  virtual std::optional<std::uint32_t> spare_requests() const { return std::nullopt; }
  virtual TieRule tie_rule() const { return TieRule::kRandom; }
  // Writes the cost of each candidate, finite, the least is best; and `avoided` if it may be true.
  // Must not allocate. REQUIRES: at least one candidate, in ascending order of ordinals.
  virtual void Score(const PolicyContext& context, absl::Span<Candidate> candidates) const = 0;

  // A request is about to be placed: called once for each, before Score with the same context.
  virtual void Observe(const PolicyContext& /*context*/) {}
  // Nodes came, went or changed their state since the last call. `nodes` are all that are
  // registered, in whatever state, in ascending order of ordinals. Called before a placement and
  // before TakeWork, if anything changed, so that many changes at once are one call. Placements
  // wait for it: what takes longer than a look at each node is work for the background.
  virtual void OnFleetChange(absl::Span<const std::unique_ptr<DecodeNode>> /*nodes*/) {}
  // Work of this length that a placement must not wait for, or none. What was taken comes back by
  // FinishWork, run or not, and is freed after it, when no placement waits.
  virtual std::unique_ptr<BackgroundWork> TakeWork(WorkLength /*length*/) { return nullptr; }
  virtual void FinishWork(BackgroundWork& /*work*/) {}
  // None for a policy that hands out no work.
  virtual std::optional<PolicyFits> fits() const { return std::nullopt; }

  // Differs from what it was whenever Save() would answer something else; 0 while there is nothing
  // to keep.
  virtual std::uint64_t memory_version() const { return 0; }
  virtual PolicyMemory Save() const { return {}; }
  // Takes what Save() gave, before any request; false, with nothing changed, if it is not sound or
  // was learned under other settings.
  virtual bool Restore(PolicyMemory /*memory*/) { return false; }
};

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_POLICY_H_
