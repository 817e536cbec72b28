// How a decode node is chosen among those that may take a request.
#ifndef ELDR_CORE_POLICY_POLICY_H_
#define ELDR_CORE_POLICY_POLICY_H_

#include <cstdint>
#include <optional>

#include "absl/random/bit_gen_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/fleet/decode_node.h"

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

  // What the policy writes.
  double cost = 0;
};

// What a policy may know beside the candidates.
struct PolicyContext {
  // The ordinal of the node that the last placement chose; none before the first.
  std::optional<std::uint64_t> last_ordinal;
  absl::BitGenRef rng;
};

// Among equal costs and equal loads.
enum class TieRule : std::uint8_t { kRandom, kLowestOrdinal };

// A policy is small, stateless and fast: what it must remember is in the context. Calls for one
// model never overlap. The router takes the candidate of the least (cost, load), and names the next
// ones as fallbacks.
class Policy {
 public:
  virtual ~Policy() = default;
  // As in the configuration; a static string.
  virtual absl::string_view name() const = 0;
  // True if Score reads the residency fields of the candidates, which cost time to fill.
  virtual bool evaluates() const { return false; }
  virtual TieRule tie_rule() const { return TieRule::kRandom; }
  // Writes the cost of each candidate: finite, the least is best. Must not allocate. REQUIRES: at
  // least one candidate, in ascending order of ordinals.
  virtual void Score(const PolicyContext& context, absl::Span<Candidate> candidates) const = 0;
};

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_POLICY_H_
