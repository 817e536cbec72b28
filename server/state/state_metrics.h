// The metrics of the state directory; docs/metrics.md describes them.
#ifndef ELDR_SERVER_STATE_STATE_METRICS_H_
#define ELDR_SERVER_STATE_STATE_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace eldr {

// References that are made once; thread-safe.
struct StateMetrics {
  // `registry` must outlive it.
  explicit StateMetrics(prometheus::Registry& registry);

  prometheus::Gauge& bytes;
  prometheus::Counter& records;
  prometheus::Histogram& sync_seconds;
  prometheus::Gauge& kept;  // 1 while changes are kept, 0 while they are not

  prometheus::Family<prometheus::Counter>& restored;
  prometheus::Counter& restored_leases;
  prometheus::Counter& refused_leases;
  prometheus::Counter& restored_contributions;

  prometheus::Family<prometheus::Counter>& errors;
  prometheus::Counter& cut_tails;
  prometheus::Counter& bad_rows;
  prometheus::Counter& damaged;
  prometheus::Counter& failed_writes;
  prometheus::Counter& overflows;
};

}  // namespace eldr

#endif  // ELDR_SERVER_STATE_STATE_METRICS_H_
