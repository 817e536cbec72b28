#include "client/engines/engine_forms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/engines/base64.h"
#include "tests/client/engines/engine_samples.h"
#include "tests/support/invalid_argument.h"
#include "tests/support/status_matchers.h"

namespace eldr::engines {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Hidden layers 0 dense, 1 and 2 of experts.
Geometry DenseFirst() { return {2, 300, 2, {1, 2}}; }

TEST(VllmNpyTest, DropsTheRowsOfDenseLayers) {
  const std::string ids = Packed<std::uint16_t>({0, 0, 7, 299, 1, 2, 0, 0, 3, 4, 5, 6});
  const auto routed = DecodeVllmNpy(Base64(NpySample("<u2", "2, 3, 2", ids)), DenseFirst());
  ASSERT_THAT(routed, IsOk());
  EXPECT_EQ(routed->tokens, 2u);
  EXPECT_EQ(routed->layers, 2u);
  EXPECT_THAT(routed->ids, ElementsAre(7, 299, 1, 2, 3, 4, 5, 6));
}

TEST(VllmNpyTest, NeedsNoMaskWhereEveryRowIsOfAMoeLayer) {
  const auto routed = DecodeVllmNpy(Base64(NpySample("|u1", "1, 2, 2", "\1\2\3\4")), DenseFirst());
  ASSERT_THAT(routed, IsOk());
  EXPECT_THAT(routed->ids, ElementsAre(1, 2, 3, 4));
}

TEST(VllmNpyTest, TakesWhatDenseRowsHoldForNothing) {
  const std::string ids = Packed<std::int32_t>({-1, 99999, 7, 8, 1, 2});
  EXPECT_THAT(DecodeVllmNpy(Base64(NpySample("<i4", "1, 3, 2", ids)), DenseFirst()), IsOk());
}

TEST(VllmNpyTest, RefusesRowsThatTheGeometryDoesNotExplain) {
  const std::string npy = Base64(NpySample("|u1", "1, 3, 2", std::string("\0\0\1\2\3\4", 6)));
  EXPECT_THAT(DecodeVllmNpy(npy, {2, 300, 2, {}}),
              StatusIs(kInvalid, HasSubstr("3 rows per token, expected 2")));
  EXPECT_THAT(DecodeVllmNpy(npy, {2, 300, 2, {2, 3}}),
              StatusIs(kInvalid, HasSubstr("more than 3, the last of moe_hidden_layers")));
  EXPECT_THAT(DecodeVllmNpy(npy, {2, 300, 4, {1, 2}}),
              StatusIs(kInvalid, HasSubstr("top_k 2, expected 4")));
  EXPECT_THAT(DecodeVllmNpy(npy, {2, 300, 2, {2, 1}}),
              StatusIs(kInvalid, HasSubstr("moe_hidden_layers is 1")));
}

TEST(VllmNpyTest, RefusesIdsThatNoTokenCanHave) {
  const std::string high = Packed<std::uint16_t>({0, 0, 7, 300, 1, 2});
  EXPECT_THAT(DecodeVllmNpy(Base64(NpySample("<u2", "1, 3, 2", high)), DenseFirst()),
              StatusIs(kInvalid, AllOf(HasSubstr("token 0, row 1, choice 1"),
                                       HasSubstr("expert id 300, expected 0 to 299"))));
  const std::string twice = Packed<std::uint16_t>({0, 0, 7, 8, 5, 5});
  EXPECT_THAT(DecodeVllmNpy(Base64(NpySample("<u2", "1, 3, 2", twice)), DenseFirst()),
              StatusIs(kInvalid, HasSubstr("row 2: expert id 5 stands there twice")));
}

TEST(Base64Test, NamesWhatIsWrong) {
  EXPECT_THAT(DecodeBase64("AAEC/+8="), IsOkAndHolds(std::string("\0\1\2\xff\xef", 5)));
  EXPECT_THAT(DecodeBase64(""), IsOkAndHolds(""));
  EXPECT_THAT(DecodeBase64("AA C"), StatusIs(kInvalid, HasSubstr("\" \" at 2")));
  EXPECT_THAT(DecodeBase64("A_=="), StatusIs(kInvalid, HasSubstr("\"_\" at 1")));
  EXPECT_THAT(DecodeBase64("AAA"), StatusIs(kInvalid, HasSubstr("3 characters")));
  EXPECT_THAT(DecodeBase64("A==="), StatusIs(kInvalid, HasSubstr("\"=\" at 1")));
  EXPECT_THAT(DecodeBase64("AA==AAAA"), StatusIs(kInvalid, HasSubstr("\"=\" at 2")));
}

TEST(SglangInt32Test, TakesTheShapeFromTheGeometry) {
  const std::string ids = Packed<std::int32_t>({0, 0, 7, 299, 1, 2, 0, 0, 3, 4, 5, 6});
  const auto routed = DecodeSglangInt32(Base64(ids), DenseFirst());
  ASSERT_THAT(routed, IsOk());
  EXPECT_EQ(routed->tokens, 2u);
  EXPECT_THAT(routed->ids, ElementsAre(7, 299, 1, 2, 3, 4, 5, 6));
  // The same bytes without a dense layer, and with the number of hidden layers said.
  EXPECT_EQ(DecodeSglangInt32(Base64(Packed<std::int32_t>({0, 1, 2, 3})), {1, 8, 2, {}})->tokens,
            2u);
  EXPECT_EQ(DecodeSglangInt32(Base64(ids), {0, 300, 2, {1}}, 6)->tokens, 1u);
}

TEST(SglangInt32Test, RefusesWhatIsNotWholeTokens) {
  const Geometry geometry{2, 8, 2, {}};
  EXPECT_THAT(DecodeSglangInt32("", geometry), StatusIs(kInvalid, HasSubstr("0 bytes")));
  EXPECT_THAT(DecodeSglangInt32(Base64(Packed<std::int32_t>({0, 1, 2})), geometry),
              StatusIs(kInvalid, HasSubstr("12 bytes of raw int32, expected tokens x 2")));
  EXPECT_THAT(DecodeSglangInt32(Base64(Packed<std::int32_t>({0, 1, 2, -1})), geometry),
              StatusIs(kInvalid, HasSubstr("expert id -1")));
}

TEST(SglangInt32Test, NeedsAGeometryThatTellsTheShape) {
  EXPECT_THAT(DecodeSglangInt32("AAAAAA==", {1, 8, 0, {}}),
              StatusIs(kInvalid, HasSubstr("geometry.top_k is 0")));
  EXPECT_THAT(DecodeSglangInt32("AAAAAA==", {0, 8, 1, {}}),
              StatusIs(kInvalid, HasSubstr("geometry.layers is 0")));
  EXPECT_THAT(DecodeSglangInt32("AAAAAA==", {0, 8, 1, {}}, 4'000'000'000u),
              StatusIs(kInvalid, HasSubstr("4 bytes of raw int32")));
}

TEST(ReferenceCountsTest, TellsTokensByTheRowsSums) {
  const auto counts =
      DecodeReferenceCounts(Base64(Packed<std::int16_t>({2, 1, 3, 0, 0, 0, 0, 0})), {2, 4, 2, {}});
  ASSERT_THAT(counts, IsOk());
  EXPECT_EQ(counts->tokens, 3u);
  EXPECT_THAT(counts->counts, ElementsAre(2, 1, 3, 0, 0, 0, 0, 0));
}

TEST(ReferenceCountsTest, RefusesCountsThatNoPromptCanHave) {
  const Geometry geometry{2, 4, 2, {}};
  const auto decode = [&geometry](const std::vector<std::int64_t>& counts) {
    return DecodeReferenceCounts(Base64(Packed<std::int16_t>(counts)), geometry);
  };
  EXPECT_THAT(decode({1, 1, 0, 0}),
              StatusIs(kInvalid, HasSubstr("8 bytes of int16 counts, expected 16 = 2 layers")));
  EXPECT_THAT(decode({1, -1, 1, 1, 1, 1, 0, 0}),
              StatusIs(kInvalid, HasSubstr("layer 0, expert 1: count -1")));
  EXPECT_THAT(decode({1, 1, 1, 0, 1, 1, 0, 0}), StatusIs(kInvalid, HasSubstr("sum to 3")));
  EXPECT_THAT(decode({2, 0, 0, 0, 1, 1, 0, 0}), StatusIs(kInvalid, HasSubstr("2 of one expert")));
  EXPECT_THAT(decode({1, 1, 0, 0, 2, 2, 0, 0}),
              StatusIs(kInvalid, HasSubstr("layer 1: counts are of 2 tokens, expected 1")));
  EXPECT_THAT(decode({0, 0, 0, 0, 0, 0, 0, 0}), StatusIs(kInvalid, HasSubstr("all counts are 0")));
  EXPECT_THAT(DecodeReferenceCounts("", {2, 0, 2, {}}),
              StatusIs(kInvalid, HasSubstr("geometry.experts is 0")));
}

}  // namespace
}  // namespace eldr::engines
