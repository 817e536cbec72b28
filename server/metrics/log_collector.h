// What became of log lines.
#ifndef ELDR_SERVER_METRICS_LOG_COLLECTOR_H_
#define ELDR_SERVER_METRICS_LOG_COLLECTOR_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <vector>

#include "server/base/log.h"

namespace eldr {

// Thread-safe.
class LogCollector final : public prometheus::Collectable {
 public:
  // `log` must outlive it.
  explicit LogCollector(const Log& log) : log_(log) {}
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Log& log_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_METRICS_LOG_COLLECTOR_H_
