#include "server/metrics/process_collector.h"

#include <map>
#include <string>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace eldr {
namespace {

TEST(ProcessCollectorTest, TellsWhatTheProcessTakes) {
  // Some processor time that the system has noticed.
  volatile double work = 0;
  for (int i = 0; i < 20'000'000; ++i) work = work + 1;
  std::map<std::string, double> values;
  for (const prometheus::MetricFamily& family : ProcessCollector().Collect()) {
    ASSERT_EQ(family.metric.size(), 1u) << family.name;
    const prometheus::ClientMetric& metric = family.metric.front();
    values[family.name] =
        family.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value;
  }
  EXPECT_EQ(values.size(), 6u);
  EXPECT_GT(values["process_cpu_seconds_total"], 0.001);
  EXPECT_LT(values["process_cpu_seconds_total"], 600);
  EXPECT_GT(values["process_resident_memory_bytes"], 1 << 20);
  EXPECT_GT(values["process_virtual_memory_bytes"], values["process_resident_memory_bytes"]);
  EXPECT_GE(values["process_open_fds"], 3);
  EXPECT_GT(values["process_max_fds"], values["process_open_fds"]);
  EXPECT_NEAR(values["process_start_time_seconds"],
              static_cast<double>(absl::ToUnixSeconds(absl::Now())), 600);
}

}  // namespace
}  // namespace eldr
