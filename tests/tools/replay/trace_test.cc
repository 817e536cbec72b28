#include "tools/replay/trace.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/invalid_argument.h"
#include "tests/support/status_matchers.h"
#include "tests/tools/replay/trace_folder.h"

namespace eldr::replay {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kColumns[] = "request,domain,category,token_offset,tokens";

// Eight tokens of 2 layers x 4 experts, top-1: layer 0 walks over the experts, layer 1 stays at 1.
class TraceTest : public ::testing::Test {
 protected:
  TraceTest() { folder_.WriteExperts({0, 1, 1, 1, 2, 1, 3, 1, 0, 1, 1, 1, 2, 1, 3, 1}, 2, 1); }

  absl::StatusOr<Trace> Load(const std::string& csv, TraceOptions options = {2, 0}) {
    folder_.WriteRequests(csv);
    return LoadTrace(folder_.path(), options);
  }

  TraceFolder folder_;
};

TEST_F(TraceTest, SplitsRequestsIntoSignatureAndDecode) {
  const auto trace =
      Load(absl::StrCat(kColumns, "\na,law,\"x, \"\"y\"\"\",0,5\r\n\nb,maths,z,4,4\n"));
  ASSERT_THAT(trace, IsOk());
  EXPECT_EQ(trace->geometry.layers, 2u);
  EXPECT_EQ(trace->geometry.experts, 4u);
  EXPECT_EQ(trace->geometry.top_k, 1u);
  ASSERT_EQ(trace->requests.size(), 2u);
  const TraceRequest& a = trace->requests[0];
  EXPECT_EQ(a.id, "a");
  EXPECT_EQ(a.domain, "law");
  EXPECT_EQ(a.category, "x, \"y\"");
  EXPECT_EQ(a.first_decode_row(), 2u);
  EXPECT_EQ(a.decode_rows, 3u);
  EXPECT_EQ(trace->requests[1].first_decode_row(), 6u);
  EXPECT_EQ(trace->left_out, 0u);
}

TEST_F(TraceTest, CountsTheSignature) {
  const auto trace = Load(absl::StrCat(kColumns, "\na,law,x,1,7\n"), {3, 0});
  ASSERT_THAT(trace, IsOk());
  const SignatureData data = trace->Signature(trace->requests[0]);
  EXPECT_EQ(data.tokens, 3u);
  const auto& dense = std::get<SignatureData::Dense>(data.counts);
  EXPECT_EQ(dense.width, CountWidth::k8);
  EXPECT_EQ(dense.bytes, absl::string_view("\0\1\1\1\0\3\0\0", 8));
}

TEST_F(TraceTest, LeavesOutAndCountsShortRequests) {
  const auto trace = Load(absl::StrCat(kColumns, "\na,law,x,0,3\nb,law,x,0,4\n"));
  ASSERT_THAT(trace, IsOk());
  EXPECT_EQ(trace->left_out, 1u);
  ASSERT_EQ(trace->requests.size(), 1u);
  EXPECT_EQ(trace->requests[0].id, "b");
  EXPECT_THAT(Load(absl::StrCat(kColumns, "\na,law,x,0,3\n")),
              StatusIs(kInvalid, HasSubstr("none of 1 requests")));
}

TEST_F(TraceTest, TakesTheSignaturesRowsFromAColumn) {
  const std::string csv = absl::StrCat(kColumns, ",prefill_tokens\na,law,x,0,8,5\nb,law,x,0,8,0\n");
  const auto trace = Load(csv, {0, 0});
  ASSERT_THAT(trace, IsOk());
  EXPECT_EQ(trace->requests[0].signature_rows, 5u);
  EXPECT_EQ(trace->requests[0].decode_rows, 3u);
  EXPECT_EQ(trace->left_out, 1u);
  // With a number given, the column is of no concern.
  EXPECT_EQ(Load(csv, {2, 0})->requests[0].signature_rows, 2u);
  EXPECT_THAT(Load(absl::StrCat(kColumns, "\na,law,x,0,8\n"), {0, 0}),
              StatusIs(kInvalid, HasSubstr("prefill_tokens")));
}

TEST_F(TraceTest, RefusesRequestsThatDoNotFitTheRows) {
  EXPECT_THAT(Load(absl::StrCat(kColumns, "\na,law,x,4,5\n")),
              StatusIs(kInvalid, AllOf(HasSubstr("requests.csv: line 2"), HasSubstr("8 rows"))));
  EXPECT_THAT(Load(absl::StrCat(kColumns, "\na,law,x,18446744073709551615,5\n")),
              StatusIs(kInvalid, HasSubstr("8 rows")));
}

TEST_F(TraceTest, RefusesMalformedTables) {
  EXPECT_THAT(Load(""), StatusIs(kInvalid, HasSubstr("header")));
  EXPECT_THAT(Load("request,domain\na,law\n"), StatusIs(kInvalid, HasSubstr("\"category\"")));
  EXPECT_THAT(Load("request,request\n"), StatusIs(kInvalid, HasSubstr("twice")));
  EXPECT_THAT(Load(absl::StrCat(kColumns, "\na,law,x,0\n")),
              StatusIs(kInvalid, HasSubstr("4 fields")));
  EXPECT_THAT(Load(absl::StrCat(kColumns, "\na,law,x,0,-4\n")),
              StatusIs(kInvalid, HasSubstr("tokens \"-4\"")));
  EXPECT_THAT(Load(absl::StrCat(kColumns, "\na,law,x,0,4\na,law,x,0,4\n")),
              StatusIs(kInvalid, HasSubstr("line 3: request \"a\"")));
  EXPECT_THAT(Load(absl::StrCat(kColumns, "\n,law,x,0,4\n")),
              StatusIs(kInvalid, HasSubstr("request \"\"")));
  EXPECT_THAT(Load(absl::StrCat(kColumns, "\n\"a,law,x,0,4\n")),
              StatusIs(kInvalid, HasSubstr("does not end")));
}

TEST_F(TraceTest, RefusesExpertsThatDoNotFitTheGeometry) {
  EXPECT_THAT(
      Load(absl::StrCat(kColumns, "\na,law,x,0,4\n"), {2, 3}),
      StatusIs(kInvalid, HasSubstr("token 3, row 0, choice 0: expert id 3, expected 0 to 2")));
  EXPECT_EQ(Load(absl::StrCat(kColumns, "\na,law,x,0,4\n"), {2, 64})->geometry.experts, 64u);
  folder_.WriteExperts({0, 1, 2, 2}, 1, 2);
  EXPECT_THAT(Load(absl::StrCat(kColumns, "\na,law,x,0,2\n")),
              StatusIs(kInvalid, HasSubstr("token 1, row 0: expert id 2 stands there twice")));
}

TEST_F(TraceTest, NamesAMissingFile) {
  EXPECT_THAT(LoadTrace("/nonexistent", {}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nonexistent/routed_experts.npy")));
}

}  // namespace
}  // namespace eldr::replay
