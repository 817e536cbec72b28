#include "server/state/state_metrics.h"

#include "server/metrics/metric_families.h"

namespace eldr {

StateMetrics::StateMetrics(prometheus::Registry& registry)
    : bytes(prometheus::BuildGauge()
                .Name("eldr_state_bytes")
                .Help("Size of the state file and its log.")
                .Register(registry)
                .Add({})),
      records(prometheus::BuildCounter()
                  .Name("eldr_state_records_total")
                  .Help("Changes written to the state file.")
                  .Register(registry)
                  .Add({})),
      sync_seconds(prometheus::BuildHistogram()
                       .Name("eldr_state_sync_seconds")
                       .Help("Time to write a batch of changes, the wait for the disk included.")
                       .Register(registry)
                       .Add({}, Families::LatencyBuckets())),
      kept(prometheus::BuildGauge()
               .Name("eldr_state_kept")
               .Help("1 while changes reach the state file, 0 while the daemon serves without.")
               .Register(registry)
               .Add({})),
      restored(prometheus::BuildCounter()
                   .Name("eldr_state_restored_total")
                   .Help("What was restored at the start, or refused as not sound.")
                   .Register(registry)),
      restored_leases(restored.Add({{"kind", "lease"}})),
      refused_leases(restored.Add({{"kind", "refused_lease"}})),
      restored_contributions(restored.Add({{"kind", "contribution"}})),
      errors(prometheus::BuildCounter()
                 .Name("eldr_state_errors_total")
                 .Help("Faults of the state file, by cause.")
                 .Register(registry)),
      cut_tails(errors.Add({{"cause", "cut_tail"}})),
      bad_rows(errors.Add({{"cause", "bad_row"}})),
      damaged(errors.Add({{"cause", "damaged"}})),
      failed_writes(errors.Add({{"cause", "write"}})),
      overflows(errors.Add({{"cause", "overflow"}})) {}

}  // namespace eldr
