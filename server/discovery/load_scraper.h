// Reads the loads of discovered nodes off their metrics pages.
#ifndef ELDR_SERVER_DISCOVERY_LOAD_SCRAPER_H_
#define ELDR_SERVER_DISCOVERY_LOAD_SCRAPER_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/scrape/engine_metrics.h"
#include "client/scrape/engine_page.h"
#include "client/scrape/http_transfers.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/route/router.h"
#include "server/config/config.h"
#include "server/discovery/discovery_metrics.h"
#include "server/record/event_log.h"

namespace eldr {

// What an agent would report of an engine's load, the daemon reads itself, by the same presets, and
// takes as the node's heartbeat: so the age of a load shows wherever that of a heartbeat does, and
// a load that is older than node_timeout counts no more. Only the load: of decode steps an agent
// tells. One thread, that waits for nobody.
class LoadScraper {
 public:
  // INVALID_ARGUMENT, naming the key, if a metric is not as --metric takes it. `event_log` may be
  // null; all else must outlive it. `on_asleep` is called when Asleep() has changed.
  static absl::StatusOr<std::unique_ptr<LoadScraper>> Create(const ScrapeConfig& config,
                                                             Router& router, EventLog* event_log,
                                                             const Clock& clock,
                                                             ScrapeMetrics& metrics,
                                                             std::function<void()> on_asleep);
  ~LoadScraper();

  void Start();

  // Whose pages are read from now on. Thread-safe.
  void SetNodes(const std::vector<NodeSpec>& nodes);
  // Nodes whose engines say that they sleep. Thread-safe.
  std::set<std::string> Asleep() const;

 private:
  struct Target {
    NodeSpec node;
    MonotonicTime due;
    std::optional<MonotonicTime> read;  // the last load
    bool running = false;
  };

  LoadScraper(const ScrapeConfig& config, scrape::EngineMetricNames names, std::string path,
              Router& router, EventLog* event_log, const Clock& clock, ScrapeMetrics& metrics,
              std::function<void()> on_asleep);

  void Run();
  // Begins what is due. Returns how long nothing more will be.
  absl::Duration BeginDue();
  void TakeNodes();
  void Begin(const std::string& id, Target& target);
  void OnAnswer(const std::string& id, const NodeSpec& asked,
                absl::StatusOr<scrape::HttpTransfers::Answer> answer);
  bool Report(const NodeSpec& node, const scrape::EnginePage& page);
  void SetAsleep(const std::string& id, bool asleep);

  const ScrapeConfig config_;
  const scrape::EngineMetricNames names_;
  const std::string path_;
  Router& router_;
  EventLog* const event_log_;
  const Clock& clock_;
  ScrapeMetrics& metrics_;
  const std::function<void()> on_asleep_;
  scrape::HttpTransfers transfers_;
  std::atomic<bool> stopped_{false};

  std::map<std::string, Target> targets_;  // of the thread

  mutable Mutex mutex_;
  std::optional<std::vector<NodeSpec>> nodes_ ABSL_GUARDED_BY(mutex_);  // not yet taken
  std::set<std::string> asleep_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_DISCOVERY_LOAD_SCRAPER_H_
