// Decides recorded traffic again, under another policy.
#ifndef ELDR_TOOLS_SIM_EVENT_REPLAY_H_
#define ELDR_TOOLS_SIM_EVENT_REPLAY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/policy/policy_settings.h"
#include "eldr/storage/v1/event.pb.h"

namespace eldr::sim {

// What a policy made of the recorded queries.
struct EventReplayResult {
  std::string policy;  // "recorded" for the decisions as they were
  std::uint64_t placements = 0;
  std::uint64_t same_node = 0;  // as recorded
  std::uint64_t refused = 0;    // queries that no node could take
  // Means over the placements: of the experts that a request adds to the steps of its node, of
  // their predicted duration in seconds, and of the most leases on a node less the fewest.
  double marginal_experts = 0;
  double step_seconds = 0;
  double load_spread = 0;
};

// Feeds the events to a router of its own, on a clock that follows them. Each query is decided by
// `policy`, for all models, or goes where it went if that is "recorded"; each lease lasts as long
// as the recorded one did, wherever it is. Of heartbeats only the steps count, since running
// requests are where the recorded policy put them. INVALID_ARGUMENT for an event that a router
// refuses.
absl::StatusOr<EventReplayResult> ReplayEvents(absl::Span<const storage::v1::EventRecord> events,
                                               const std::string& policy,
                                               const PolicySettings& settings, std::uint64_t seed);

// A line per policy, and its change against the first, which is as recorded.
std::string FormatEventTable(absl::Span<const EventReplayResult> results);
// {"results": [{"policy", "placements", "same_node", "refused", "marginal_experts",
// "step_ms", "load_spread"}]}
std::string FormatEventJson(absl::Span<const EventReplayResult> results);

}  // namespace eldr::sim

#endif  // ELDR_TOOLS_SIM_EVENT_REPLAY_H_
