// Makes an engine a decode node: it comes, pauses, restarts and goes as the engine does.
#ifndef ELDR_CLIENT_AGENT_AGENT_H_
#define ELDR_CLIENT_AGENT_AGENT_H_

#include <atomic>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/agent/engine_watch.h"
#include "core/base/clock.h"
#include "eldr/client/client.h"
#include "server/base/log.h"

namespace eldr::agent {

// Registers the node once the engine is well, reports its load, drains it while the engine sleeps
// or fails (whose heartbeats stop too, so that it is lost if that lasts), and registers it as a new
// process when the engine has restarted. Step() and Leave() are called by one thread, all else by
// any.
class Agent {
 public:
  struct Options {
    v1::NodeSpec spec;  // its incarnation is that of each start of the engine, by the wall clock
    absl::Duration interval = absl::Seconds(1);  // between two looks at the engine
    bool stream = true;                          // see client::NodeReporterOptions
  };

  // All must outlive it.
  Agent(Options options, client::Client& client, EngineWatch& watch, Log& log, const Clock& clock);
  ~Agent();

  // Looks at the engine and does what follows. Returns how long to wait before the next. Public, so
  // that tests need no thread; heartbeats have a thread of their own.
  absl::Duration Step();

  // Asks for no more placements, for good.
  void Drain();
  // Drained, and nothing runs that is known of; or there is no node that could run anything.
  bool Drained() const;
  // Removes the node.
  void Leave();

  // How the node stands; nothing is registered as long as the engine was not well.
  client::NodeStatus status() const;
  // Why it takes no placements; empty if it does.
  std::string NotReady() const;
  EngineWatch::Figures engine() const { return watch_.figures(); }

 private:
  void Begin();
  void Restart();
  void Pause(EngineState state);
  absl::StatusOr<client::NodeLoad> Load();
  void OnChange(const client::NodeStatus& status);
  void TellEngine(const EngineWatch::Figures& figures);

  const Options options_;
  client::Client& client_;
  EngineWatch& watch_;
  Log& log_;
  const Clock& clock_;
  std::atomic<bool> told_draining_{false};  // in the daemon's last answer

  // Of Step().
  EngineState state_ = EngineState::kStarting;
  absl::StatusCode error_ = absl::StatusCode::kOk;
  std::uint64_t restarts_ = 0;
  MonotonicTime began_;

  mutable absl::Mutex mutex_;
  bool drain_ ABSL_GUARDED_BY(mutex_) = false;
  bool paused_ ABSL_GUARDED_BY(mutex_) = false;
  bool left_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<client::NodeReporter> reporter_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace eldr::agent

#endif  // ELDR_CLIENT_AGENT_AGENT_H_
