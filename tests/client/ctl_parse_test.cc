// What eldrctl reads: step statistics, counts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/ctl/counts_file.h"
#include "client/ctl/step_stats_option.h"
#include "tests/support/status_matchers.h"

namespace eldr::ctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ParseStepStatsTest, TakesFourToSixParts) {
  const auto four = ParseStepStats("16:90:1.5s:11.5");
  ASSERT_THAT(four, IsOk());
  EXPECT_EQ(four->max_batch(), 16u);
  EXPECT_EQ(four->steps(), 90u);
  EXPECT_EQ(four->total_duration().seconds(), 1);
  EXPECT_EQ(four->total_duration().nanos(), 500'000'000);
  EXPECT_EQ(four->mean_batch(), 11.5);
  EXPECT_FALSE(four->has_mean_context_tokens());
  const auto six = ParseStepStats("16:90:1s:11.5:9000:1850");
  ASSERT_THAT(six, IsOk());
  EXPECT_EQ(six->mean_context_tokens(), 9000);
  EXPECT_EQ(six->mean_distinct_experts(), 1850);
}

TEST(ParseStepStatsTest, NamesThePartThatIsWrong) {
  const auto refused = [](const std::string& text, const std::string& word) {
    EXPECT_THAT(ParseStepStats(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(word)));
  };
  refused("16:90:1s", "number of parts");
  refused("x:90:1s:1", "MAX_BATCH");
  refused("16:-1:1s:1", "STEPS");
  refused("16:90:1:1", "TOTAL_DURATION");
  refused("16:90:1s:many", "MEAN_BATCH");
  refused("16:90:1s:1:x", "CONTEXT_TOKENS");
}

TEST(ParseCountsTest, ReadsJsonRowsAndFlatLists) {
  for (const char* json : {R"({"tokens": 3, "prompt_tokens": 9, "counts": [[1, 2], [3, 0]]})",
                           R"({"tokens": 3, "prompt_tokens": 9, "counts": [1, 2, 3, 0]})"}) {
    const auto signature = ParseCountsJson(json);
    ASSERT_THAT(signature, IsOk());
    EXPECT_EQ(signature->tokens(), 3u);
    EXPECT_EQ(signature->prompt_tokens(), 9u);
    EXPECT_EQ(signature->dense().data(), std::string("\1\2\3\0", 4));
  }
}

TEST(ParseCountsTest, ReadsASignatureInProtobufsJson) {
  const auto signature =
      ParseCountsJson(R"({"tokens": 1, "sparse": {"indices": [4, 7], "counts": [1, 1]}})");
  ASSERT_THAT(signature, IsOk());
  EXPECT_THAT(signature->sparse().indices(), ElementsAre(4, 7));
}

TEST(ParseCountsTest, RefusesOtherJson) {
  const auto refused = [](const std::string& json, const std::string& word) {
    EXPECT_THAT(ParseCountsJson(json),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(word)));
  };
  refused("{", "no JSON");
  refused(R"({"count": [1]})", "count");
  refused(R"({"counts": [1, -1]})", "number 1");
  refused(R"({"counts": [[1, 0.5]]})", "whole number");
  refused(R"({"counts": 7})", "expected a list");
  refused(R"({"counts": [1], "tokens": "many"})", "\"tokens\"");
}

TEST(ParseCountsTest, ReadsCsvALinePerLayer) {
  const auto signature = ParseCountsCsv("# layer by layer\n1, 2\r\n\n3,0\n");
  ASSERT_THAT(signature, IsOk());
  EXPECT_EQ(signature->dense().data(), std::string("\1\2\3\0", 4));
  EXPECT_THAT(ParseCountsCsv("1,2\n3\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line 2 has 1 numbers")));
  EXPECT_THAT(ParseCountsCsv("1,x\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"x\"")));
  EXPECT_THAT(ParseCountsCsv("\n"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ParseCountsTest, ReadsSparsePairs) {
  const auto signature = ParseSparsePairs({"4:1", "2:3"});
  ASSERT_THAT(signature, IsOk());
  EXPECT_THAT(signature->sparse().indices(), ElementsAre(4, 2));
  EXPECT_THAT(signature->sparse().counts(), ElementsAre(1, 3));
  EXPECT_THAT(ParseSparsePairs({"4"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("INDEX:COUNT")));
}

TEST(ReadFileTest, NamesAFileThatIsNotThere) {
  EXPECT_THAT(ReadFile("/nonexistent/x"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nonexistent/x")));
}

}  // namespace
}  // namespace eldr::ctl
