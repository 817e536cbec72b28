#include "tools/replay/response_files.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/engines/engine_samples.h"
#include "tests/support/invalid_argument.h"
#include "tests/support/status_matchers.h"
#include "tests/tools/replay/trace_folder.h"
#include "tools/replay/trace.h"

namespace eldr::replay {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// One layer, top-1: a token of each id.
std::string VllmLine(const std::vector<std::int64_t>& ids, int prompt_tokens) {
  const std::string npy = engines::NpySample("|u1", absl::StrCat(ids.size(), ", 1, 1"),
                                             engines::Packed<std::uint8_t>(ids));
  return engines::VllmBody(engines::VllmChoice(0, engines::Quoted(engines::Base64(npy))),
                           prompt_tokens);
}

std::string SglangLine(const std::vector<std::int64_t>& ids) {
  return absl::StrCat(R"({"meta_info":{"prompt_tokens":2,"routed_experts":")",
                      engines::Base64(engines::Packed<std::int32_t>(ids)), R"("}})");
}

TEST(ResponseFilesTest, MakesATraceOfAFolder) {
  TraceFolder folder;
  folder.Write("law.jsonl", absl::StrCat(VllmLine({0, 1, 2, 3, 0}, 3), "\n\n",
                                         VllmLine({2, 2, 3, 3}, 2), "\r\n"));
  folder.Write("a.json", absl::StrCat("\n", VllmLine({1, 1, 1}, 1), "\n"));
  folder.Write("notes.txt", "no response");
  const auto trace = LoadTrace(folder.path(), {0, 8});
  ASSERT_THAT(trace, IsOk());
  EXPECT_EQ(trace->geometry.experts, 8u);
  EXPECT_EQ(trace->rows.rows(), 12u);
  ASSERT_EQ(trace->requests.size(), 3u);
  EXPECT_EQ(trace->requests[0].id, "a.json");
  const TraceRequest& first = trace->requests[1];
  EXPECT_EQ(first.id, "law.jsonl:1");
  EXPECT_EQ(first.domain, "law");
  EXPECT_EQ(first.first_row, 3u);
  EXPECT_EQ(first.signature_rows, 3u);
  EXPECT_EQ(first.decode_rows, 2u);
  EXPECT_EQ(first.signature_counts, std::string("\1\1\1\0\0\0\0\0", 8));
  EXPECT_EQ(trace->requests[2].id, "law.jsonl:3");
}

TEST(ResponseFilesTest, TakesAFixedNumberOfSignatureTokens) {
  TraceFolder folder;
  folder.Write("x.jsonl", VllmLine({0, 1, 2, 3, 0}, 4));
  const auto trace = LoadTrace(folder.path() + "/x.jsonl", {1, 0});
  ASSERT_THAT(trace, IsOk());
  EXPECT_EQ(trace->requests.at(0).decode_rows, 4u);
}

TEST(ResponseFilesTest, ReadsSglangByTheShapeThatIsTold) {
  TraceFolder folder;
  folder.Write("x.jsonl", SglangLine({0, 1, 0, 2, 0, 3, 0, 1}));
  TraceOptions options{0, 4};
  EXPECT_THAT(LoadTrace(folder.path(), options),
              StatusIs(kInvalid, AllOf(HasSubstr("x.jsonl: line 1: "), HasSubstr("top_k is 0"))));
  options.response.geometry.top_k = 1;
  options.response.hidden_layers = 2;
  options.response.geometry.moe_hidden_layers = {1};
  const auto trace = LoadTrace(folder.path(), options);
  ASSERT_THAT(trace, IsOk());
  EXPECT_EQ(trace->geometry.layers, 1u);
  EXPECT_EQ(trace->requests.at(0).signature_counts, std::string("\0\1\1\0", 4));
}

TEST(ResponseFilesTest, LeavesOutResponsesWithoutDecode) {
  TraceFolder folder;
  folder.Write("x.jsonl", absl::StrCat(VllmLine({0, 1, 2}, 3), "\n", VllmLine({0, 1, 2}, 1)));
  const auto trace = LoadTrace(folder.path(), {0, 0});
  ASSERT_THAT(trace, IsOk());
  EXPECT_EQ(trace->requests.size(), 1u);
  EXPECT_EQ(trace->left_out, 1u);
}

TEST(ResponseFilesTest, SaysWhatIsWrongAndWhere) {
  TraceFolder folder;
  const auto refused = [&folder](const std::string& text, const char* message) {
    folder.Write("x.jsonl", text);
    EXPECT_THAT(LoadTrace(folder.path(), {0, 4}), StatusIs(kInvalid, HasSubstr(message)));
  };
  EXPECT_THAT(LoadTrace(folder.path(), {}),
              StatusIs(kInvalid, HasSubstr("expected routed_experts.npy and requests.csv, or")));
  refused("", "holds no response");
  refused("\n{\n", "x.jsonl: line 2: body: no JSON");
  refused(VllmLine({0, 4, 1}, 1), "line 1: vLLM .npy: token 1, row 0, choice 0: expert id 4");
  refused(VllmLine({0, 1, 2}, 3), "none of 1 requests");
  refused(R"({"choices":[{"routed_experts":[[[0]],[[1]],[[2]]]}]})",
          "x.jsonl:1: does not tell prompt_tokens");
  refused(VllmLine({0, 1, 2}, 1) + "\n" + R"({"choices":[{"routed_experts":[[[0],[1]]]}]})",
          "line 2: 2 layers, top_k 1, expected 1 and 1 as in the responses before");
}

TEST(ResponseFilesTest, RefusesCountsInThePlaceOfIds) {
  TraceFolder folder;
  folder.Write("x.json",
               absl::StrCat(R"({"kv_transfer_params":{"eldr_sig":")",
                            engines::Base64(engines::Packed<std::int16_t>({1, 0})), R"("}})"));
  TraceOptions options{0, 2};
  options.response.geometry.layers = 1;
  options.response.geometry.top_k = 1;
  EXPECT_THAT(LoadTrace(folder.path(), options),
              StatusIs(kInvalid, HasSubstr("reference counts: tells no ids")));
}

}  // namespace
}  // namespace eldr::replay
