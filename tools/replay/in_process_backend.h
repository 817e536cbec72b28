// Places the requests of a replay by the core library's own router, under the replay's clock.
#ifndef ELDR_TOOLS_REPLAY_IN_PROCESS_BACKEND_H_
#define ELDR_TOOLS_REPLAY_IN_PROCESS_BACKEND_H_

#include <memory>
#include <string>

#include "core/route/router.h"
#include "core/route/router_observer.h"
#include "tools/replay/placement_backend.h"
#include "tools/replay/virtual_clock.h"

namespace eldr::replay {

// The same router, leases, fleet and policies as the daemon, without one. What the router would
// leave to a background thread runs inside the call that caused it, so it takes no simulated time.
// Not thread-safe.
class InProcessBackend final : public PlacementBackend {
 public:
  // A router of its own that serves this one model. Errors are the router's.
  static absl::StatusOr<std::unique_ptr<InProcessBackend>> Create(const Router::Options& options,
                                                                  const ModelSpec& model);

  absl::Status RegisterNode(MonotonicTime now, const NodeSpec& node) override;
  absl::Status PushSignature(MonotonicTime now, absl::string_view request_id,
                             const SignatureData& signature) override;
  absl::StatusOr<std::optional<std::string>> Place(MonotonicTime now,
                                                   const PlaceQuery& query) override;
  absl::Status Heartbeat(MonotonicTime now, const NodeReport& report) override;
  absl::Status Release(MonotonicTime now, absl::string_view request_id,
                       std::uint64_t output_tokens) override;

  absl::Status DrainNode(MonotonicTime now, absl::string_view node_id) override;
  absl::Status UndrainNode(MonotonicTime now, absl::string_view node_id) override;
  absl::Status RemoveNode(MonotonicTime now, absl::string_view node_id) override;

  // For what the seam does not show. Time stands where the last call left it.
  Router& router() { return *router_; }

 private:
  explicit InProcessBackend(std::string model) : model_(std::move(model)) {}
  void RunBackgroundJobs();

  const std::string model_;
  VirtualClock clock_;
  RouterObserver observer_;  // hears all, does nothing
  std::unique_ptr<Router> router_;
};

}  // namespace eldr::replay

#endif  // ELDR_TOOLS_REPLAY_IN_PROCESS_BACKEND_H_
