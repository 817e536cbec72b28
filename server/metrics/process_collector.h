// The open files of the process: each connection is one.
#ifndef ELDR_SERVER_METRICS_PROCESS_COLLECTOR_H_
#define ELDR_SERVER_METRICS_PROCESS_COLLECTOR_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <vector>

namespace eldr {

// Lets the process open as many files as the system's hard limit allows; the usual soft limit of
// 1024 is there for programs that use select(). gRPC closes its port for good when it cannot accept
// a connection for want of files.
void RaiseOpenFileLimit();

// Under the names that Prometheus' own libraries use. Thread-safe.
class ProcessCollector final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace eldr

#endif  // ELDR_SERVER_METRICS_PROCESS_COLLECTOR_H_
