// What a placement asks and answers.
#ifndef ELDR_CORE_ROUTE_PLACEMENT_H_
#define ELDR_CORE_ROUTE_PLACEMENT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/fleet/decode_node.h"
#include "core/intake/push.h"
#include "core/signature/expert_signature.h"

namespace eldr {

// A query for a decode node; it must outlive the call it is passed to.
struct PlacementQuery {
  absl::string_view model;
  absl::string_view request_id;
  std::optional<SignatureData> signature;  // replaces a stored one
  std::optional<PromptBlocks> blocks;      // whose counts are added to the signature
  absl::string_view prefill_worker;        // whose cache holds the blocks
  std::uint32_t sequences = 1;             // 1 to 1,024
  std::uint64_t context_tokens = 0;
  std::uint64_t max_output_tokens = 0;  // 0: not told
  // Node ids; unknown ones are ignored.
  absl::Span<const std::string* const> prefer_nodes;  // only these, if any of them is eligible
  absl::Span<const std::string* const> allow_nodes;   // empty: all
  absl::Span<const std::string* const> exclude_nodes;
  std::optional<absl::Duration> lease_ttl;  // 1 s to 1 h; not given: the configured one
  absl::string_view trace_id;               // the caller's trace, for the receipt; may be empty
};

// Why the answered node was answered; see PlacementReason in placement.proto.
enum class PlacementReason : std::uint8_t {
  kPolicy,
  kExistingLease,
  kMoved,
  kPanicMode,
  kKvPressure
};

// What the load of the chosen node is known from.
enum class LoadBasis : std::uint8_t { kReported, kOwnCount };

// What a frontend needs to reach a node. The texts are parts of `contact`, which each copy keeps
// alive, whatever becomes of the node: so a placement copies no string.
struct PlacedNode {
  absl::string_view node_id;
  absl::string_view address;
  std::optional<std::uint32_t> dp_rank;
  std::shared_ptr<const NodeContact> contact = nullptr;
};

inline constexpr std::size_t kMaxFallbacks = 3;

// What the shadow policy would have done.
struct ShadowDecision {
  absl::string_view policy;  // a static string
  std::string node_id;
  // The residency cost of its choice, and of the choice that was made; seconds.
  double cost = 0;
  double made_cost = 0;
};

struct Placement {
  PlacedNode node;
  std::uint64_t lease_id = 0;
  absl::Duration lease_ttl;
  absl::string_view policy;  // a static string
  PlacementReason reason = PlacementReason::kPolicy;
  SignatureQuality signature_quality = SignatureQuality::kMissing;
  double signature_coverage = 0;  // share of the prompt's tokens, 0 to 1
  LoadBasis load_basis = LoadBasis::kOwnCount;
  absl::InlinedVector<PlacedNode, kMaxFallbacks> fallbacks;  // best first
  // Experts, summed over layers, that the request is expected to add to a step; 0 for
  // kExistingLease.
  double marginal_experts = 0;
  // The mean of the same over the candidates, if the policy evaluated them.
  std::optional<double> mean_marginal_experts;
  absl::Duration predicted_step_time;  // of the group with the request in it
  // Since the last push of the signature that decided; zero for one in the query, none if there was
  // none or a lease was renewed.
  std::optional<absl::Duration> signature_age;
  std::optional<ShadowDecision> shadow;
};

// Why a node was not a candidate.
enum class Ineligible : std::uint8_t {
  kJoining,
  kDraining,
  kLost,
  kCapacity,
  kKvCapacity,
  kKvUsage,
  kQuery,
};
inline constexpr std::size_t kIneligibleReasons = 7;

// The names used as metric labels and in tables.
absl::string_view Name(PlacementReason reason);
absl::string_view Name(SignatureQuality quality);
absl::string_view Name(LoadBasis basis);
absl::string_view Name(Ineligible reason);

}  // namespace eldr

#endif  // ELDR_CORE_ROUTE_PLACEMENT_H_
