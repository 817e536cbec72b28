#include "server/discovery/discovery_metrics.h"

namespace eldr {
namespace {

prometheus::Family<prometheus::Counter>& Counters(prometheus::Registry& registry, const char* name,
                                                  const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

prometheus::Family<prometheus::Gauge>& Gauges(prometheus::Registry& registry, const char* name,
                                              const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

}  // namespace

void SourceMetrics::OnList(const absl::Status& status, double unix_seconds) {
  if (!status.ok()) {
    lists_failed.Increment();
    return;
  }
  lists_ok.Increment();
  list_time.Set(unix_seconds);
}

WatchMetrics::WatchMetrics(prometheus::Registry& registry)
    : connected(Gauges(registry, "eldr_discovery_watch_connected",
                       "1 while a watch of the API server is open.")
                    .Add({})),
      events(Counters(registry, "eldr_discovery_events_total", "Events of watches, by type.")),
      added(events.Add({{"type", "added"}})),
      modified(events.Add({{"type", "modified"}})),
      deleted(events.Add({{"type", "deleted"}})),
      bookmarks(events.Add({{"type", "bookmark"}})),
      stale(events.Add({{"type", "stale"}})),
      watches(Counters(registry, "eldr_discovery_watches_total",
                       "Watches of the API server that ended, by how.")),
      ended(watches.Add({{"end", "timeout"}})),
      broken(watches.Add({{"end", "broken"}})),
      expired(watches.Add({{"end", "expired"}})),
      refused(watches.Add({{"end", "refused"}})),
      malformed(watches.Add({{"end", "malformed"}})) {}

ScrapeMetrics::ScrapeMetrics(prometheus::Registry& registry)
    : scrapes(Counters(registry, "eldr_discovery_scrapes_total",
                       "Metrics pages of discovered nodes that were asked for, by outcome.")),
      ok(scrapes.Add({{"outcome", "ok"}})),
      unreachable(scrapes.Add({{"outcome", "unreachable"}})),
      unreadable(scrapes.Add({{"outcome", "unreadable"}})),
      stale(Gauges(registry, "eldr_discovery_stale_loads",
                   "Discovered nodes whose load was not read lately, so that own counts stand in.")
                .Add({})) {}

DiscoveryMetrics::DiscoveryMetrics(prometheus::Registry& registry)
    : changes_family(Counters(registry, "eldr_discovery_changes_total",
                              "What discovery did to nodes, or was refused.")),
      changes{&changes_family.Add({{"change", "registered"}}),
              &changes_family.Add({{"change", "updated"}}),
              &changes_family.Add({{"change", "drained"}}),
              &changes_family.Add({{"change", "undrained"}}),
              &changes_family.Add({{"change", "removed"}})},
      refused_changes(changes_family.Add({{"change", "refused"}})),
      nodes_family(Gauges(registry, "eldr_discovery_nodes",
                          "Discovered decode nodes, by who speaks for them.")),
      nodes(nodes_family.Add({{"kind", "discovered"}})),
      nodes_with_heartbeats(nodes_family.Add({{"kind", "with_heartbeats"}})),
      nodes_taken(nodes_family.Add({{"kind", "taken"}})),
      nodes_refused(nodes_family.Add({{"kind", "refused"}})),
      lists_(Counters(registry, "eldr_discovery_lists_total",
                      "Whole lists of endpoints that were read, by outcome.")),
      list_times_(Gauges(registry, "eldr_discovery_list_timestamp_seconds",
                         "When the last whole list was taken over, in seconds since 1970.")),
      refused_(Counters(registry, "eldr_discovery_entries_refused_total",
                        "Entries of lists and events that make no endpoint.")) {}

SourceMetrics DiscoveryMetrics::Source(const std::string& source) {
  return {.lists_ok = lists_.Add({{"source", source}, {"outcome", "ok"}}),
          .lists_failed = lists_.Add({{"source", source}, {"outcome", "failed"}}),
          .list_time = list_times_.Add({{"source", source}}),
          .entries_refused = refused_.Add({{"source", source}})};
}

}  // namespace eldr
