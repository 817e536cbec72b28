#include "server/metrics/log_collector.h"

#include <cstdint>

#include "server/metrics/single_metric.h"

namespace eldr {

std::vector<prometheus::MetricFamily> LogCollector::Collect() const {
  const LogCounts counts = log_.counts();
  prometheus::MetricFamily left_out{"eldr_log_lines_left_out_total",
                                    "Log lines that were not written, by cause.",
                                    prometheus::MetricType::Counter,
                                    {}};
  const auto add = [&left_out](const char* cause, std::uint64_t lines) {
    prometheus::ClientMetric metric;
    metric.label = {{"cause", cause}};
    metric.counter.value = static_cast<double>(lines);
    left_out.metric.push_back(std::move(metric));
  };
  add("rate", counts.left_out_by_rate);
  add("queue", counts.left_out_by_queue);
  add("output", counts.left_out_by_output);
  return {SingleCounter("eldr_log_lines_total", "Log lines that were written.",
                        static_cast<double>(counts.written)),
          std::move(left_out)};
}

}  // namespace eldr
