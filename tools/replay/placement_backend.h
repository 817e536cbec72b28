// The seam between the replay and whatever places its requests: a daemon, the core library, a test.
#ifndef ELDR_TOOLS_REPLAY_PLACEMENT_BACKEND_H_
#define ELDR_TOOLS_REPLAY_PLACEMENT_BACKEND_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/base/clock.h"
#include "core/fleet/decode_node.h"
#include "core/signature/expert_signature.h"

namespace eldr::replay {

// What the replay asks for a node with; borrowed, for the duration of a call.
struct PlaceQuery {
  absl::string_view request_id;
  std::uint64_t context_tokens = 0;
  std::uint64_t max_output_tokens = 0;
  absl::string_view domain;  // of the request in the trace; no daemon knows it
  absl::Span<const std::string* const> allow_nodes;  // empty: all
  absl::Span<const std::string* const> exclude_nodes;
};

// Places the requests of one replay, for one model that it knows.
//
// The replay calls it from one thread, in the order of simulated time; `now` is that time and never
// goes back. An error ends the replay.
class PlacementBackend {
 public:
  virtual ~PlacementBackend() = default;

  // The model of `node` is left to the backend.
  virtual absl::Status RegisterNode(MonotonicTime now, const NodeSpec& node) = 0;

  virtual absl::Status PushSignature(MonotonicTime now, absl::string_view request_id,
                                     const SignatureData& signature) = 0;

  // The id of the node that is reserved for the request; nullopt if no node can take it now, and
  // the replay asks again when something has changed.
  virtual absl::StatusOr<std::optional<std::string>> Place(MonotonicTime now,
                                                           const PlaceQuery& query) = 0;

  // One node's report; its steps and finished requests are those since its last.
  virtual absl::Status Heartbeat(MonotonicTime now, const NodeReport& report) = 0;

  // The request is done.
  virtual absl::Status Release(MonotonicTime now, absl::string_view request_id,
                               std::uint64_t output_tokens) = 0;

  // What operators do to a fleet. A backend that serves only fixed fleets leaves them:
  // UNIMPLEMENTED.
  virtual absl::Status DrainNode(MonotonicTime, absl::string_view) { return FixedFleet(); }
  virtual absl::Status UndrainNode(MonotonicTime, absl::string_view) { return FixedFleet(); }
  virtual absl::Status RemoveNode(MonotonicTime, absl::string_view) { return FixedFleet(); }

 private:
  static absl::Status FixedFleet() {
    return absl::UnimplementedError("this backend serves fixed fleets only");
  }
};

}  // namespace eldr::replay

#endif  // ELDR_TOOLS_REPLAY_PLACEMENT_BACKEND_H_
