// Finds engines that register nothing themselves, and keeps the nodes that stand for them.
#ifndef ELDR_SERVER_DISCOVERY_DISCOVERY_H_
#define ELDR_SERVER_DISCOVERY_DISCOVERY_H_

#include <prometheus/registry.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/route/router.h"
#include "server/base/log.h"
#include "server/config/config.h"
#include "server/discovery/discovery_metrics.h"
#include "server/discovery/endpoint_list.h"
#include "server/discovery/load_scraper.h"
#include "server/discovery/reconciler.h"
#include "server/discovery/source.h"
#include "server/record/event_log.h"

namespace eldr {

// The sources that the configuration names, each with its list, and a thread that brings the
// router's nodes in line with them. Its end is the end of all of it; nodes stay as they are.
class Discovery {
 public:
  struct Links {
    Router& router;
    EventLog* event_log;  // null if there is none
    const Clock& clock;
    Log& log;
    prometheus::Registry& registry;
    std::uint64_t seed;  // of the pauses after failures; another for each process
  };
  // INVALID_ARGUMENT, naming the key, if it cannot be as configured. All must outlive it.
  // REQUIRES: config.enabled().
  static absl::StatusOr<std::unique_ptr<Discovery>> Create(const DiscoveryConfig& config,
                                                           const Links& links);
  ~Discovery();

  // Once.
  void Start();

 private:
  Discovery(const DiscoveryConfig& config, const Links& links);
  absl::Status Build();
  EndpointList& NewList(const char* source);
  void Run();
  // Until a list changes, and for `time` at most; false once it ends.
  bool Await(absl::Duration time);
  void OnChange();

  const DiscoveryConfig config_;
  const Links links_;
  DiscoveryMetrics metrics_;
  std::optional<WatchMetrics> watch_metrics_;
  std::optional<ScrapeMetrics> scrape_metrics_;
  std::vector<std::unique_ptr<EndpointList>> lists_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::unique_ptr<LoadScraper> scraper_;  // nullptr if loads are not read

  Mutex mutex_;
  CondVar wake_;
  bool changed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_DISCOVERY_DISCOVERY_H_
