#include "client/scrape/engine_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace eldr::scrape {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Of(const EngineMetricNames& names, EngineMetric metric) {
  return names[static_cast<std::size_t>(metric)];
}

TEST(EngineMetricsTest, HasThePresets) {
  for (const char* name : {"vllm", "sglang", "trtllm"}) {
    const EnginePreset* const preset = FindEnginePreset(name);
    ASSERT_NE(preset, nullptr) << name;
    EXPECT_THAT(Of(preset->metrics, EngineMetric::kRunning), ::testing::Not(IsEmpty()));
  }
  EXPECT_EQ(FindEnginePreset("vllm")->metrics_path, "/metrics");
  EXPECT_EQ(FindEnginePreset("trtllm")->metrics_path, "/prometheus/metrics");
  EXPECT_EQ(FindEnginePreset("other"), nullptr);
}

TEST(EngineMetricsTest, ColonsAndUnderscoresAreTheSameAndNothingElseIs) {
  EXPECT_TRUE(SameMetricName("vllm:num_requests_running", "vllm_num_requests_running"));
  EXPECT_TRUE(SameMetricName("vllm_num_requests_running", "vllm:num_requests_running"));
  EXPECT_FALSE(SameMetricName("vllm:num_requests_waiting_by_reason", "vllm:num_requests_waiting"));
  EXPECT_FALSE(SameMetricName("vllm:num_requests_waiting", "vllm:num_requests_runnin"));
  EXPECT_FALSE(SameMetricName("vllm-a", "vllm:a"));
}

TEST(EngineMetricsTest, NamesCanBeReplaced) {
  EngineMetricNames names = FindEnginePreset("vllm")->metrics;
  EXPECT_THAT(OverrideMetric("queued=a:b,c_d", names), IsOk());
  EXPECT_THAT(Of(names, EngineMetric::kQueued), ElementsAre("a:b", "c_d"));
  EXPECT_THAT(OverrideMetric("awake=", names), IsOk());
  EXPECT_THAT(Of(names, EngineMetric::kAwake), IsEmpty());
}

TEST(EngineMetricsTest, RefusesWhatNamesNoMetric) {
  EngineMetricNames names;
  for (const char* text : {"", "running", "runing=a", "=a"}) {
    EXPECT_THAT(OverrideMetric(text, names),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("expected METRIC=NAME[,NAME] with METRIC one of running,")))
        << text;
  }
  EXPECT_THAT(OverrideMetric("running=a,,b", names),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"\" is no name")));
  EXPECT_THAT(OverrideMetric("running=a{b}", names),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"a{b}\" is no name")));
  EXPECT_THAT(Of(names, EngineMetric::kRunning), IsEmpty());
}

}  // namespace
}  // namespace eldr::scrape
