// Metrics of one value, read when they are asked for.
#ifndef ELDR_SERVER_METRICS_SINGLE_METRIC_H_
#define ELDR_SERVER_METRICS_SINGLE_METRIC_H_

#include <prometheus/metric_family.h>

#include <string>

namespace eldr {

inline prometheus::MetricFamily SingleGauge(const std::string& name, const std::string& help,
                                            double value) {
  prometheus::ClientMetric metric;
  metric.gauge.value = value;
  return {name, help, prometheus::MetricType::Gauge, {metric}};
}

inline prometheus::MetricFamily SingleCounter(const std::string& name, const std::string& help,
                                              double value) {
  prometheus::ClientMetric metric;
  metric.counter.value = value;
  return {name, help, prometheus::MetricType::Counter, {metric}};
}

}  // namespace eldr

#endif  // ELDR_SERVER_METRICS_SINGLE_METRIC_H_
