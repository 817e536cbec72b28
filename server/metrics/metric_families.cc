#include "server/metrics/metric_families.h"

#include <string>

#include "server/version.h"

namespace eldr {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

Family<Counter>& CounterFamily(Registry& registry, const std::string& name,
                               const std::string& help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}
Family<Gauge>& GaugeFamily(Registry& registry, const std::string& name, const std::string& help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}
Family<Histogram>& HistogramFamily(Registry& registry, const std::string& name,
                                   const std::string& help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

}  // namespace

Families::Families(Registry& registry)
    : calls(CounterFamily(registry, "eldr_calls_total",
                          "Calls, and messages of streams, by status code.")),
      call_seconds(HistogramFamily(
          registry, "eldr_call_seconds",
          "Time from a parsed request to its answer, waits for signatures included.")),
      calls_in_flight(GaugeFamily(registry, "eldr_calls_in_flight",
                                  "Calls and streams that are being served.")),
      limit_exceeded(CounterFamily(registry, "eldr_limit_exceeded_total",
                                   "Calls, and messages of streams, that a limit refused.")),
      placements(CounterFamily(registry, "eldr_placements_total",
                               "Placement queries of declared models, by outcome and reason.")),
      placement_basis(CounterFamily(
          registry, "eldr_placement_basis_total",
          "Placements, by what was known of the request's experts and of the node's load.")),
      marginal_experts(CounterFamily(
          registry, "eldr_placement_marginal_experts_total",
          "Distinct experts that placements added to their node's decode steps, as expected.")),
      candidate_marginal_experts(
          CounterFamily(registry, "eldr_placement_candidate_marginal_experts_total",
                        "The same had each placement gone to the average of its candidates.")),
      shadow_decisions(CounterFamily(
          registry, "eldr_shadow_decisions_total",
          "Placements that the shadow policy decided too, by whether it chose the same node.")),
      shadow_cost(CounterFamily(registry, "eldr_shadow_cost_seconds_total",
                                "Predicted residency cost of those placements: of the choices that "
                                "were made, and of the shadow policy's.")),
      decision_seconds(HistogramFamily(registry, "eldr_placement_decision_seconds",
                                       "Time to choose and reserve a node.")),
      signatures(CounterFamily(registry, "eldr_signatures_total",
                               "Signatures received, by encoding and outcome.")),
      signature_bytes(HistogramFamily(registry, "eldr_signature_bytes",
                                      "Size of the counts of received signatures.")),
      signature_age_seconds(
          HistogramFamily(registry, "eldr_signature_age_seconds",
                          "Time from a signature's last push to the placement that used it.")),
      signatures_dropped(CounterFamily(registry, "eldr_signatures_dropped_total",
                                       "Stored signatures that were never placed, by cause.")),
      leases_ended(
          CounterFamily(registry, "eldr_leases_ended_total", "Leases that ended, by how.")),
      reconciled(CounterFamily(
          registry, "eldr_reconciled_requests_total",
          "Requests that nodes named in complete lists and that held no lease there, by outcome.")),
      watch_missed(CounterFamily(
          registry, "eldr_watch_missed_total",
          "Placements that watchers were not told of, because they did not read fast enough.")),
      build_info(
          GaugeFamily(registry, "eldr_build_info", "Always 1; the label tells the version.")) {
  build_info.Add({{"version", kVersion}}).Set(1);
}

const Histogram::BucketBoundaries& Families::LatencyBuckets() {
  static const Histogram::BucketBoundaries buckets = {1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5,
                                                      1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3,
                                                      1e-2, 2e-2, 5e-2, 1e-1, 1};
  return buckets;
}

const Histogram::BucketBoundaries& Families::SizeBuckets() {
  static const Histogram::BucketBoundaries buckets = {256,   1024,  4096,   8192,   16384,
                                                      32768, 65536, 131072, 262144, 1048576};
  return buckets;
}

const Histogram::BucketBoundaries& Families::AgeBuckets() {
  static const Histogram::BucketBoundaries buckets = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,
                                                      0.2,   0.5,   1,     2,    5,    10,   30};
  return buckets;
}

}  // namespace eldr
