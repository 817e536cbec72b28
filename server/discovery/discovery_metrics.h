// The metrics of discovery; docs/metrics.md describes them.
#ifndef ELDR_SERVER_DISCOVERY_DISCOVERY_METRICS_H_
#define ELDR_SERVER_DISCOVERY_DISCOVERY_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <array>
#include <string>

#include "absl/status/status.h"

namespace eldr {

// Of one source. References that are made once; thread-safe.
struct SourceMetrics {
  // A list, and with it the time of it.
  void OnList(const absl::Status& status, double unix_seconds);

  prometheus::Counter& lists_ok;
  prometheus::Counter& lists_failed;
  prometheus::Gauge& list_time;  // of the last that was ok
  prometheus::Counter& entries_refused;
};

// Of watches of the API server.
struct WatchMetrics {
  explicit WatchMetrics(prometheus::Registry& registry);

  prometheus::Gauge& connected;  // 1 while a watch is open
  prometheus::Family<prometheus::Counter>& events;
  prometheus::Counter& added;
  prometheus::Counter& modified;
  prometheus::Counter& deleted;
  prometheus::Counter& bookmarks;
  prometheus::Counter& stale;
  prometheus::Family<prometheus::Counter>& watches;
  prometheus::Counter& ended;   // as the API server ends each
  prometheus::Counter& broken;  // by the network
  prometheus::Counter& expired;
  prometheus::Counter& refused;
  prometheus::Counter& malformed;
};

// Of loads that are read off pages.
struct ScrapeMetrics {
  explicit ScrapeMetrics(prometheus::Registry& registry);

  prometheus::Family<prometheus::Counter>& scrapes;
  prometheus::Counter& ok;
  prometheus::Counter& unreachable;
  prometheus::Counter& unreadable;
  prometheus::Gauge& stale;  // nodes
};

struct DiscoveryMetrics {
  // `registry` must outlive it.
  explicit DiscoveryMetrics(prometheus::Registry& registry);
  SourceMetrics Source(const std::string& source);

  prometheus::Family<prometheus::Counter>& changes_family;
  std::array<prometheus::Counter*, 5> changes;  // by NodeAction::Kind
  prometheus::Counter& refused_changes;
  prometheus::Family<prometheus::Gauge>& nodes_family;
  prometheus::Gauge& nodes;
  prometheus::Gauge& nodes_with_heartbeats;
  prometheus::Gauge& nodes_taken;
  prometheus::Gauge& nodes_refused;

 private:
  prometheus::Family<prometheus::Counter>& lists_;
  prometheus::Family<prometheus::Gauge>& list_times_;
  prometheus::Family<prometheus::Counter>& refused_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_DISCOVERY_DISCOVERY_METRICS_H_
