// The families that the daemon registers: names, help texts and buckets.
#ifndef ELDR_SERVER_METRICS_METRIC_FAMILIES_H_
#define ELDR_SERVER_METRICS_METRIC_FAMILIES_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace eldr {

class Families {
 public:
  explicit Families(prometheus::Registry& registry);

  // From 1 us, as a decision takes a few.
  static const prometheus::Histogram::BucketBoundaries& LatencyBuckets();
  static const prometheus::Histogram::BucketBoundaries& SizeBuckets();
  static const prometheus::Histogram::BucketBoundaries& AgeBuckets();

  prometheus::Family<prometheus::Counter>& calls;
  prometheus::Family<prometheus::Histogram>& call_seconds;
  prometheus::Family<prometheus::Gauge>& calls_in_flight;
  prometheus::Family<prometheus::Counter>& limit_exceeded;
  prometheus::Family<prometheus::Counter>& placements;
  prometheus::Family<prometheus::Counter>& placement_basis;
  prometheus::Family<prometheus::Counter>& marginal_experts;
  prometheus::Family<prometheus::Counter>& candidate_marginal_experts;
  prometheus::Family<prometheus::Counter>& shadow_decisions;
  prometheus::Family<prometheus::Counter>& shadow_cost;
  prometheus::Family<prometheus::Histogram>& decision_seconds;
  prometheus::Family<prometheus::Counter>& signatures;
  prometheus::Family<prometheus::Histogram>& signature_bytes;
  prometheus::Family<prometheus::Histogram>& signature_age_seconds;
  prometheus::Family<prometheus::Counter>& signatures_dropped;
  prometheus::Family<prometheus::Counter>& leases_ended;
  prometheus::Family<prometheus::Counter>& reconciled;
  prometheus::Family<prometheus::Counter>& watch_missed;
  prometheus::Family<prometheus::Gauge>& build_info;
};

}  // namespace eldr

#endif  // ELDR_SERVER_METRICS_METRIC_FAMILIES_H_
