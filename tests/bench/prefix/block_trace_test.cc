#include "bench/prefix/block_trace.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace eldr::prefix {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(BlockTraceTest, ReadsLengthsAndBlocks) {
  const auto prompts = ParsePrompts(
      "{\"timestamp\": 0, \"input_length\": 1024, \"output_length\": 9, \"hash_ids\": [0, 7]}\n"
      "\n"
      "{\"input_length\": 513, \"hash_ids\": [0, 8]}\n");
  ASSERT_THAT(prompts, IsOk());
  ASSERT_THAT(*prompts, SizeIs(2));
  EXPECT_EQ((*prompts)[0].tokens, 1024u);
  EXPECT_THAT((*prompts)[0].blocks, ElementsAre(0u, 7u));
  EXPECT_EQ((*prompts)[0].full_blocks(), 2u);
  EXPECT_EQ((*prompts)[1].full_blocks(), 1u);
}

TEST(BlockTraceTest, NamesTheLineThatIsWrong) {
  const auto refused = [](const char* text, const char* word) {
    EXPECT_THAT(ParsePrompts(text), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(word)));
  };
  refused("{", "line 1: expected a JSON object");
  refused("{\"input_length\": 5, \"hash_ids\": [1]}\n{\"hash_ids\": [1]}", "line 2: input_length");
  refused("{\"input_length\": 0, \"hash_ids\": []}", "input_length: expected a whole number of 1");
  refused("{\"input_length\": 5}", "hash_ids: expected a list");
  refused("{\"input_length\": 5, \"hash_ids\": [-1]}", "hash_ids, number 0");
  refused("{\"input_length\": 1024, \"hash_ids\": [1, 1]}", "hash_ids, number 1");
  refused("{\"input_length\": 1024, \"hash_ids\": [1]}", "got 1 ids, expected 2");
  refused("\n", "at least one prompt");
  EXPECT_THAT(ReadPrompts("nowhere.jsonl"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("nowhere.jsonl")));
}

}  // namespace
}  // namespace eldr::prefix
