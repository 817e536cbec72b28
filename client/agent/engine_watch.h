// What is known of the engine: whether it is well, what it has to do, how long its steps take.
#ifndef ELDR_CLIENT_AGENT_ENGINE_WATCH_H_
#define ELDR_CLIENT_AGENT_ENGINE_WATCH_H_

#include <array>
#include <cstdint>
#include <functional>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/scrape/engine_metrics.h"
#include "client/scrape/engine_page.h"
#include "client/scrape/http_fetch.h"
#include "client/scrape/step_window.h"
#include "eldr/client/node_reporter.h"
#include "eldr/client/step_recorder.h"

namespace eldr::agent {

enum class EngineState : std::uint8_t {
  kStarting,  // not yet seen well with a page that can be read
  kServing,
  kAsleep,   // well, and says that it sleeps
  kFailing,  // fails its health check
};
inline constexpr std::size_t kEngineStates = 4;
// "starting", "serving", "asleep", "failing".
absl::string_view Name(EngineState state);

// One look at a time; all else is thread-safe.
class EngineWatch {
 public:
  using Fetch = std::function<absl::StatusOr<scrape::PageFetcher::Page>()>;
  struct Links {
    Fetch metrics;
    Fetch health = nullptr;  // null: a page of metrics is the sign of health
  };
  struct Options {
    scrape::EngineMetricNames metrics;
    scrape::LabelFilter select;
    std::uint32_t tokens_per_step = 1;
    std::uint32_t failures = 3;  // at least 1
  };
  // What was seen so far.
  struct Figures {
    EngineState state = EngineState::kStarting;
    std::uint64_t checks_ok = 0, checks_failed = 0;    // of health
    std::uint64_t scrapes_ok = 0, scrapes_failed = 0;  // of metrics
    std::uint64_t restarts = 0;
    std::uint64_t steps = 0;
    std::array<std::uint64_t, scrape::kWindowOutcomes> windows = {};
    std::optional<absl::Duration> page_age;
    scrape::EnginePage page;  // the last one; its histograms left out
    absl::Status error;       // of the last look
  };

  // `now` is a monotonic clock, callable from any thread.
  EngineWatch(Links links, Options options, std::function<absl::Duration()> now);

  // Asks for health and, if that is well, for the metrics; waits for both.
  //
  // An engine that is well and whose metrics cannot be had keeps its last load: what it holds, the
  // daemon counts itself.
  void Look();

  // The load as last seen, and the steps since the last call. UNAVAILABLE unless it serves or
  // sleeps.
  absl::StatusOr<client::NodeLoad> TakeLoad();

  Figures figures() const;
  // Whether the last page can tell of decode steps.
  bool TellsSteps() const;

 private:
  absl::Status CheckHealth();
  absl::StatusOr<scrape::EnginePage> Scrape();
  void Learn(scrape::EnginePage page) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Judge(const absl::Status& health, const absl::Status& metrics)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Links links_;
  const Options options_;
  const std::function<absl::Duration()> now_;

  mutable absl::Mutex mutex_;
  Figures figures_ ABSL_GUARDED_BY(mutex_);
  std::optional<scrape::EnginePage> page_ ABSL_GUARDED_BY(mutex_);
  absl::Duration page_time_ ABSL_GUARDED_BY(mutex_);
  client::StepRecorder steps_ ABSL_GUARDED_BY(mutex_);
  std::uint32_t failures_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace eldr::agent

#endif  // ELDR_CLIENT_AGENT_ENGINE_WATCH_H_
