// Metrics in the text form of OpenMetrics.
#ifndef ELDR_SERVER_METRICS_OPEN_METRICS_H_
#define ELDR_SERVER_METRICS_OPEN_METRICS_H_

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

namespace eldr {

// In OpenMetrics 1.0, without exemplars: what Prometheus' own text form says, in other words.
// Counters must be named ..._total.
std::string OpenMetricsText(const std::vector<prometheus::MetricFamily>& families);

// A number as OpenMetrics wants that of a bucket: 1.0, 1e-06, 1.048576e+06, +Inf.
std::string CanonicalNumber(double number);

}  // namespace eldr

#endif  // ELDR_SERVER_METRICS_OPEN_METRICS_H_
