// Decode nodes that exist for a run: they report, and some leave and come back.
#ifndef ELDR_TOOLS_LOADGEN_OWN_FLEET_H_
#define ELDR_TOOLS_LOADGEN_OWN_FLEET_H_

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/clock.h"
#include "eldr/client/client.h"
#include "tools/loadgen/load_options.h"
#include "tools/replay/random_stream.h"

namespace eldr::loadgen {

class OwnFleet {
 public:
  struct Counts {
    std::uint64_t departures = 0;
    std::uint64_t failed_calls = 0;  // heartbeats, registrations and removals
    std::string first_error;
  };

  // Registers options.nodes nodes, each ready when it returns, and starts to send heartbeats. `run`
  // begins their ids; `client` outlives it. What was registered goes again if it fails.
  static absl::StatusOr<std::unique_ptr<OwnFleet>> Join(const LoadOptions& options,
                                                        const std::string& run,
                                                        client::Client& client);
  // Leave(), its error ignored.
  ~OwnFleet();
  OwnFleet(const OwnFleet&) = delete;
  OwnFleet& operator=(const OwnFleet&) = delete;

  // Stops, and removes every node; the first error if one could not be.
  absl::Status Leave();

  Counts counts() const;

 private:
  struct Node {
    v1::NodeSpec spec;
    std::unique_ptr<client::NodeReporter> reporter;  // null while it is away
    MonotonicTime due;                               // of the reporter's next act
  };

  OwnFleet(const LoadOptions& options, const std::string& run, client::Client& client);
  // What is due of heartbeats and churn. Returns how long to wait until the next.
  absl::Duration Step();
  void Churn();
  // Brings a node, ready when it returns.
  absl::Status Enter(Node& node);
  // One act of its reporter: the error it ran into.
  absl::Status Act(Node& node);
  void Count(const absl::Status& status);
  void Loop();

  client::Client& client_;
  const absl::Duration churn_;  // infinite: none
  replay::RandomStream choices_;
  // Of the thread, once it runs.
  std::vector<Node> nodes_;
  Node* absent_ = nullptr;
  MonotonicTime next_churn_;

  mutable std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  Counts counts_;
  std::thread thread_;
};

}  // namespace eldr::loadgen

#endif  // ELDR_TOOLS_LOADGEN_OWN_FLEET_H_
