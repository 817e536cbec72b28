// Places the requests of a replay by a running daemon: each call is a real gRPC call.
#ifndef ELDR_TOOLS_REPLAY_GRPC_BACKEND_H_
#define ELDR_TOOLS_REPLAY_GRPC_BACKEND_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "eldr/client/client.h"
#include "tools/replay/placement_backend.h"

namespace eldr::replay {

// For one model, which the daemon must know. Simulated time is not told to the daemon; it sees the
// order of the calls, and its own clock. Not thread-safe.
class GrpcBackend final : public PlacementBackend {
 public:
  // `client` must outlive it. Make it without retries: a call that is repeated behind the replay's
  // back may change what the daemon decides.
  GrpcBackend(client::Client& client, std::string model)
      : client_(client), model_(std::move(model)) {}
  // The nodes stay, until the daemon misses them.
  ~GrpcBackend() override;

  absl::Status RegisterNode(MonotonicTime now, const NodeSpec& node) override;
  absl::Status PushSignature(MonotonicTime now, absl::string_view request_id,
                             const SignatureData& signature) override;
  absl::StatusOr<std::optional<std::string>> Place(MonotonicTime now,
                                                   const PlaceQuery& query) override;
  absl::Status Heartbeat(MonotonicTime now, const NodeReport& report) override;
  absl::Status Release(MonotonicTime now, absl::string_view request_id,
                       std::uint64_t output_tokens) override;

  // Reports each node again as it was last, without steps and finished requests, so that nodes live
  // and leases are renewed while nothing is replayed.
  absl::Status RepeatHeartbeats();

  const std::string& model() const { return model_; }
  // The policy that the daemon named in its last answer; empty before the first.
  const std::string& policy() const { return policy_; }
  std::uint64_t placements() const { return placements_; }
  std::uint64_t calls() const { return calls_; }
  // Some request that runs in the end, as its node last reported; empty if none does.
  struct Running {
    std::string node_id;
    std::string request_id;
  };
  Running SomeRunning() const;

 private:
  struct Node {
    std::unique_ptr<client::NodeReporter> reporter;
    client::NodeLoad load;  // what it reports next
    absl::Duration now;     // of the reporter, which is always due
  };
  // One act of the node's reporter: the error it ran into.
  absl::Status Act(Node& node, absl::string_view act, absl::string_view node_id);

  client::Client& client_;
  const std::string model_;
  std::string policy_;
  std::uint64_t placements_ = 0;
  std::uint64_t calls_ = 0;
  std::map<std::string, Node, std::less<>> nodes_;  // by id; they do not move
};

}  // namespace eldr::replay

#endif  // ELDR_TOOLS_REPLAY_GRPC_BACKEND_H_
