#include "client/scrape/engine_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/support/status_matchers.h"

namespace eldr::scrape {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kVllm[] = R"(# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 12.0
vllm:num_requests_running{engine="1",model_name="m"} 5.0
vllm:num_requests_waiting{engine="0",model_name="m"} 3.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="m",reason="capacity"} 40.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.75
vllm:engine_sleep_state{engine="0",model_name="m",sleep_state="awake"} 1.0
vllm:engine_sleep_state{engine="0",model_name="m",sleep_state="discard_all"} 0.0
vllm:prompt_tokens_total{engine="0",model_name="m"} 4000.0
vllm:iteration_tokens_total_bucket{engine="0",le="8.0",model_name="m"} 60.0
vllm:iteration_tokens_total_bucket{engine="0",le="+Inf",model_name="m"} 100.0
vllm:iteration_tokens_total_sum{engine="0",model_name="m"} 1200.0
vllm:iteration_tokens_total_count{engine="0",model_name="m"} 100.0
vllm:inter_token_latency_seconds_sum{engine="0",model_name="m"} 12.0
vllm:inter_token_latency_seconds_count{engine="0",model_name="m"} 1200.0
process_start_time_seconds 1.75e+09
)";

absl::StatusOr<EnginePage> ReadWith(absl::string_view page, const LabelFilter& filter = {},
                                    const char* preset = "vllm") {
  return ReadEnginePage(page, FindEnginePreset(preset)->metrics, filter);
}

TEST(EnginePageTest, ReadsAnEngineOfSeveralRanks) {
  const auto page = ReadWith(kVllm);
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->running, 17);
  EXPECT_EQ(page->queued, 3);  // and not what a longer name says
  EXPECT_EQ(page->kv_usage, 0.5);
  EXPECT_FALSE(page->asleep);
  EXPECT_EQ(page->prompt_tokens, 4000);
  EXPECT_EQ(page->start_time, 1.75e9);
  ASSERT_TRUE(page->iteration_tokens.has_value());
  EXPECT_EQ(page->iteration_tokens->count, 100);
  EXPECT_EQ(page->iteration_tokens->sum, 1200);
  EXPECT_EQ(page->iteration_tokens->buckets.at(8), 60);
  ASSERT_TRUE(page->inter_token_latency.has_value());
  EXPECT_EQ(page->inter_token_latency->sum, 12);
}

TEST(EnginePageTest, ReadsUnderscoresForColons) {
  const auto page = ReadWith(absl::StrReplaceAll(kVllm, {{"vllm:", "vllm_"}}));
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->running, 17);
  EXPECT_EQ(page->iteration_tokens->count, 100);
}

TEST(EnginePageTest, ReadsOneRankIfAsked) {
  const auto page = ReadWith(kVllm, {{"engine", "1"}});
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->running, 5);
  EXPECT_EQ(page->queued, 0);
  EXPECT_EQ(page->kv_usage, 0.75);
  EXPECT_FALSE(page->iteration_tokens.has_value());
  EXPECT_EQ(page->start_time, 1.75e9);  // the process has no labels
  EXPECT_THAT(ReadWith(kVllm, {{"engine", "7"}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("running: the page has no vllm:num_requests_running with "
                                       "engine=\"7\""))));
}

TEST(EnginePageTest, PartsOfOneEngineAreCountedOnce) {
  const auto page = ReadWith(
      "sglang:num_running_reqs{tp_rank=\"0\"} 4\nsglang:num_running_reqs{tp_rank=\"1\"} 5\n"
      "sglang:num_running_reqs{dp_rank=\"1\",tp_rank=\"0\"} 2\n"
      "sglang:num_queue_reqs 1\nsglang:num_decode_prealloc_queue_reqs 2\n"
      "sglang:num_decode_transfer_queue_reqs 4\nsglang:token_usage 0.5\n",
      {}, "sglang");
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->running, 7);
  EXPECT_EQ(page->queued, 7);
}

TEST(EnginePageTest, AFormerNameServesWhereTheNewOneIsMissing) {
  const auto page = ReadWith(
      "vllm:num_requests_running 1\nvllm:gpu_cache_usage_perc 0.5\n"
      "vllm:time_per_output_token_seconds_count 3\n");
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->kv_usage, 0.5);
  EXPECT_EQ(page->inter_token_latency->count, 3);
}

TEST(EnginePageTest, KnowsAnEngineThatSleeps) {
  const auto page = ReadWith(absl::StrReplaceAll(
      kVllm, {{"sleep_state=\"awake\"} 1.0", "sleep_state=\"awake\"} 0.0"},
              {"sleep_state=\"discard_all\"} 0.0", "sleep_state=\"discard_all\"} 1.0"}}));
  ASSERT_THAT(page, IsOk());
  EXPECT_TRUE(page->asleep);
}

TEST(EnginePageTest, RefusesWhatIsNoLoadAndSaysWhich) {
  const auto refused = [](absl::string_view text, absl::string_view part) {
    EXPECT_THAT(ReadWith(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(std::string(part))))
        << text;
  };
  refused("", "running: the page has no vllm:num_requests_running;");
  refused("<html>502</html>", "is it the metrics page of this kind of engine?");
  refused("vllm:num_requests_running -1", "running: got -1 sequences, expected 0 to 1e+06");
  refused("vllm:num_requests_running NaN", "running: got nan");
  refused("vllm:num_requests_running 1e300", "running: got 1e+300");
  refused("vllm:num_requests_running 1\nvllm:num_requests_waiting +Inf", "queued: got inf");
}

TEST(EnginePageTest, LeavesOutWhatCannotBeRight) {
  for (const char* usage : {"NaN", "-0.5", "+Inf"}) {
    const auto page =
        ReadWith(absl::StrCat("vllm:num_requests_running 1\nvllm:kv_cache_usage_perc ", usage,
                              "\nvllm:iteration_tokens_total_count NaN\n"));
    ASSERT_THAT(page, IsOk());
    EXPECT_FALSE(page->kv_usage.has_value()) << usage;
    EXPECT_FALSE(page->iteration_tokens.has_value());
  }
  EXPECT_EQ(ReadWith("vllm:num_requests_running 1\nvllm:kv_cache_usage_perc 1.01\n")->kv_usage,
            1.0);
}

TEST(EnginePageTest, RefusesAPageOfEndlessSeries) {
  std::string page;
  for (std::size_t i = 0; i <= kMaxSeries; ++i) {
    absl::StrAppend(&page, "vllm:num_requests_running{a=\"", i, "\"} 0\n");
  }
  EXPECT_THAT(ReadWith(page),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("more than 4096 series")));
}

}  // namespace
}  // namespace eldr::scrape
