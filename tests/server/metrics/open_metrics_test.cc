#include "server/metrics/open_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <limits>

#include "gmock/gmock.h"

namespace eldr {
namespace {

TEST(OpenMetricsTest, SpellsNumbersAsItsReadersDo) {
  EXPECT_EQ(CanonicalNumber(1), "1.0");
  EXPECT_EQ(CanonicalNumber(0), "0.0");
  EXPECT_EQ(CanonicalNumber(0.25), "0.25");
  EXPECT_EQ(CanonicalNumber(1e-4), "0.0001");
  EXPECT_EQ(CanonicalNumber(1e-6), "1e-06");
  EXPECT_EQ(CanonicalNumber(131072), "131072.0");
  EXPECT_EQ(CanonicalNumber(1048576), "1.048576e+06");
  EXPECT_EQ(CanonicalNumber(std::numeric_limits<double>::infinity()), "+Inf");
}

TEST(OpenMetricsTest, NamesCountersWithoutTheirEndingAndEndsWithEof) {
  prometheus::Registry registry;
  auto& counters =
      prometheus::BuildCounter().Name("a_total").Help("Counts _total.").Register(registry);
  counters.Add({{"x", "le=\"1\""}}).Increment(2);
  prometheus::BuildGauge().Name("b_total_bytes").Help("Bytes.").Register(registry).Add({}).Set(1.5);
  EXPECT_EQ(OpenMetricsText(registry.Collect()),
            "# HELP a Counts _total.\n"
            "# TYPE a counter\n"
            "a_total{x=\"le=\\\"1\\\"\"} 2\n"
            "# HELP b_total_bytes Bytes.\n"
            "# TYPE b_total_bytes gauge\n"
            "b_total_bytes 1.5\n"
            "# EOF\n");
}

TEST(OpenMetricsTest, SpellsTheBoundsOfBuckets) {
  prometheus::Registry registry;
  auto& histograms = prometheus::BuildHistogram().Name("h").Help("H.").Register(registry);
  histograms.Add({{"m", "x"}}, prometheus::Histogram::BucketBoundaries{1e-6, 1, 1048576})
      .Observe(1);
  EXPECT_EQ(OpenMetricsText(registry.Collect()),
            "# HELP h H.\n"
            "# TYPE h histogram\n"
            "h_count{m=\"x\"} 1\n"
            "h_sum{m=\"x\"} 1\n"
            "h_bucket{m=\"x\",le=\"1e-06\"} 0\n"
            "h_bucket{m=\"x\",le=\"1.0\"} 1\n"
            "h_bucket{m=\"x\",le=\"1.048576e+06\"} 1\n"
            "h_bucket{m=\"x\",le=\"+Inf\"} 1\n"
            "# EOF\n");
}

}  // namespace
}  // namespace eldr
