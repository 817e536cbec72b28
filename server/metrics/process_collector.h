// What the process takes of the machine.
#ifndef ELDR_SERVER_METRICS_PROCESS_COLLECTOR_H_
#define ELDR_SERVER_METRICS_PROCESS_COLLECTOR_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <vector>

namespace eldr {

// Under the names that Prometheus' own libraries use. What the system does not tell is left out.
// Thread-safe.
class ProcessCollector final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace eldr

#endif  // ELDR_SERVER_METRICS_PROCESS_COLLECTOR_H_
