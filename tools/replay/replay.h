// The replay: a discrete-event simulation of decode nodes that run real routed experts token by
// token, on which somebody else places the requests.
//
//   auto trace = LoadTrace(folder, TraceOptions{});
//   auto workload = PoissonWorkload::Create({.requests_per_second = 24, .seed = 1}, *trace);
//   auto result = Replay(*trace, ReplayOptions{}, **workload, backend);
//
// A request arrives with its signature and asks for a node at once; one that no node can take
// waits, in arrival order, and its wait counts. It joins its node's batch at the next step boundary
// and gets one token per step. A step takes as long as the distinct experts that its tokens really
// activate say. Equal arguments and equal answers of the backend give equal results, to the last
// bit.
#ifndef ELDR_TOOLS_REPLAY_REPLAY_H_
#define ELDR_TOOLS_REPLAY_REPLAY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/step_time/step_time_model.h"
#include "tools/replay/placement_backend.h"
#include "tools/replay/replay_result.h"
#include "tools/replay/trace.h"
#include "tools/replay/workload.h"

namespace eldr::replay {

// What a node is; the fleet starts with equal ones unless told otherwise.
struct NodeShape {
  double speed = 1;               // steps take 1 / speed of what they take elsewhere
  std::uint32_t capacity = 0;     // most concurrent leases; 0: no limit
  std::uint64_t kv_capacity = 0;  // tokens; 0: no limit
};

// Steps with a batch up to `max_batch` (and above the next smaller one) take so much longer: what
// captured graphs of a few sizes do.
struct BucketOffset {
  std::uint32_t max_batch = 0;
  absl::Duration offset;
};

// Something happens to the fleet.
struct FleetEvent {
  enum class Kind : std::uint8_t {
    kJoin,     // a further node of `shape`
    kLeave,    // takes no new requests, and is removed when its last one has ended
    kDrain,    // takes no new requests
    kUndrain,  // takes new requests again
    kCrash,    // stops at once; its requests keep their tokens and are placed again
    kLimp,     // goes on at `shape.speed`
  };
  absl::Duration time;
  Kind kind = Kind::kJoin;
  std::string node_id;
  NodeShape shape;
};

// Which tokens make the signature that is pushed.
enum class SignatureSource : std::uint8_t {
  kPrefill,
  kDecode,  // those that the request will generate: what an oracle would push
};

struct ReplayOptions {
  std::uint32_t nodes = 8;  // at least 1
  // Node i registers as this and i.
  std::string node_prefix = "decode-";
  std::uint32_t capacity = 0;     // most concurrent leases per node; 0: no limit
  std::uint64_t kv_capacity = 0;  // tokens per node; 0: no limit
  // What the first nodes are instead.
  std::vector<NodeShape> node_shapes;
  std::vector<FleetEvent> events;  // in the order of their time
  // Measured are arrivals in [warmup, duration). Arrivals go on until the last of them has ended.
  absl::Duration warmup = absl::Seconds(20);
  absl::Duration duration = absl::Seconds(120);
  absl::Duration heartbeat_interval = absl::Seconds(1);
  // A report reaches the backend this much after it was taken, then without the requests that
  // run, as a list of the past would only mislead.
  absl::Duration heartbeat_delay;
  // What a step really takes; the policies may believe otherwise.
  StepTimeShape step_time;
  // By max_batch; a batch above the last one has no offset. Reports use these buckets, or powers of
  // two if there are none.
  std::vector<BucketOffset> bucket_offsets;
  // From a placement to the moment that the request's KV is on its node.
  absl::Duration transfer_delay;
  SignatureSource signatures = SignatureSource::kPrefill;
  absl::Duration late_signature_delay = absl::Seconds(1);
  // The time per output token that a good request does not exceed.
  absl::Duration time_limit = absl::InfiniteDuration();
};

// How far a replay is.
struct ReplayProgress {
  MonotonicTime now;
  std::uint64_t arrivals = 0;
  std::uint64_t measured = 0;
  std::uint64_t measured_finished = 0;
};

// Called once per heartbeat interval; an error ends the replay with it.
using OnProgress = absl::FunctionRef<absl::Status(const ReplayProgress&)>;

// How long a step of these distinct experts (of all `cells`), requests and context tokens takes.
absl::Duration StepDuration(const StepTimeShape& settings, std::size_t cells,
                            std::uint32_t distinct_experts, std::uint32_t batch,
                            std::uint64_t context_tokens);

// INVALID_ARGUMENT, naming the option, if one is out of range.
absl::Status CheckReplayOptions(const ReplayOptions& options);

// INVALID_ARGUMENT for options out of range; INTERNAL if the backend answers a node that it was not
// given; UNAVAILABLE if it places a request nowhere though all nodes are idle; else the backend's
// errors. When it returns, requests that were not measured may hold leases still.
absl::StatusOr<ReplayResult> Replay(const Trace& trace, const ReplayOptions& options,
                                    ArrivalSource& arrivals, PlacementBackend& backend,
                                    OnProgress on_progress);
absl::StatusOr<ReplayResult> Replay(const Trace& trace, const ReplayOptions& options,
                                    ArrivalSource& arrivals, PlacementBackend& backend);

}  // namespace eldr::replay

#endif  // ELDR_TOOLS_REPLAY_REPLAY_H_
