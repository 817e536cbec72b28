#include "eldr/client/signature_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace eldr::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::ModelGeometry Geometry(uint32_t layers, uint32_t experts, uint32_t top_k) {
  v1::ModelGeometry geometry;
  geometry.set_layers(layers);
  geometry.set_experts(experts);
  geometry.set_top_k(top_k);
  return geometry;
}

SignatureBuilder Builder(const v1::ModelGeometry& geometry) {
  auto builder = SignatureBuilder::Create(geometry);
  EXPECT_THAT(builder, IsOk());
  return *std::move(builder);
}

template <typename Id>
absl::Status Add(SignatureBuilder& builder, std::vector<Id> ids) {
  return builder.AddTokens(absl::Span<const Id>(ids));
}

TEST(SignatureBuilderTest, CountsTheExpertsOfTokensLayerByLayer) {
  SignatureBuilder builder = Builder(Geometry(2, 4, 2));
  EXPECT_THAT(Add<uint8_t>(builder, {0, 1, 2, 3, /**/ 0, 2, 3, 1}), IsOk());
  EXPECT_EQ(builder.tokens(), 2u);
  EXPECT_THAT(builder.counts(), ElementsAre(2, 1, 1, 0, 0, 1, 1, 2));
}

TEST(SignatureBuilderTest, TakesEveryTypeOfIdAndAddsUp) {
  SignatureBuilder builder = Builder(Geometry(1, 3, 1));
  EXPECT_THAT(Add<uint8_t>(builder, {0}), IsOk());
  EXPECT_THAT(Add<uint16_t>(builder, {1}), IsOk());
  EXPECT_THAT(Add<int32_t>(builder, {2}), IsOk());
  EXPECT_THAT(Add<uint32_t>(builder, {2}), IsOk());
  EXPECT_THAT(builder.counts(), ElementsAre(1, 1, 2));
}

TEST(SignatureBuilderTest, PacksIntoTheNarrowestWidthThatHolds) {
  EXPECT_EQ(EncodeCounts({255, 1}, 256).dense().encoding(), v1::COUNT_ENCODING_UINT8);
  const v1::ExpertSignature two = EncodeCounts({256, 1}, 257);
  EXPECT_EQ(two.dense().encoding(), v1::COUNT_ENCODING_UINT16);
  EXPECT_EQ(two.dense().data(), std::string("\0\1\1\0", 4));
  const v1::ExpertSignature four = EncodeCounts({65'536, 1}, 65'537);
  EXPECT_EQ(four.dense().encoding(), v1::COUNT_ENCODING_UINT32);
  EXPECT_EQ(four.dense().data(), std::string("\0\0\1\0\1\0\0\0", 8));
}

TEST(SignatureBuilderTest, GoesSparseBelowATenth) {
  std::vector<uint32_t> counts(20);
  counts[3] = 2;
  const v1::ExpertSignature sparse = EncodeCounts(counts, 2, 5);
  ASSERT_TRUE(sparse.has_sparse());
  EXPECT_THAT(sparse.sparse().indices(), ElementsAre(3));
  EXPECT_THAT(sparse.sparse().counts(), ElementsAre(2));
  EXPECT_EQ(sparse.tokens(), 2u);
  EXPECT_EQ(sparse.prompt_tokens(), 5u);
  counts[4] = 1;  // 2 of 20 is not under a tenth
  EXPECT_TRUE(EncodeCounts(counts, 2).has_dense());
}

TEST(SignatureBuilderTest, LeavesOutDenseHiddenLayers) {
  v1::ModelGeometry geometry = Geometry(2, 4, 1);
  geometry.add_moe_hidden_layers(1);
  geometry.add_moe_hidden_layers(3);
  SignatureBuilder builder = Builder(geometry);
  const std::vector<int32_t> ids = {-1, 2, 77, 3};  // rows 0 and 2 are dense: not looked at
  EXPECT_THAT(builder.AddHiddenLayerTokens(absl::Span<const int32_t>(ids), 4), IsOk());
  EXPECT_THAT(builder.counts(), ElementsAre(0, 0, 1, 0, 0, 0, 0, 1));
  EXPECT_THAT(builder.AddHiddenLayerTokens(absl::Span<const int32_t>(ids), 3),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("hidden_layers is 3")));
}

TEST(SignatureBuilderTest, RefusesHiddenLayersThatTheGeometryDoesNotTell) {
  SignatureBuilder builder = Builder(Geometry(2, 4, 1));
  const std::vector<int32_t> ids = {0, 1, 2};
  EXPECT_THAT(builder.AddHiddenLayerTokens(absl::Span<const int32_t>(ids), 3),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("moe_hidden_layers")));
}

TEST(SignatureBuilderTest, ABadIdNamesItsPlaceAndChangesNothing) {
  SignatureBuilder builder = Builder(Geometry(2, 4, 2));
  EXPECT_THAT(Add<uint8_t>(builder, {0, 1, 2, 3, /**/ 0, 2, 3, 4}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("token 1, row 1, choice 1 is 4, expected 0 to 3")));
  EXPECT_THAT(Add<int32_t>(builder, {0, -1, 2, 3}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is -1")));
  EXPECT_THAT(Add<uint8_t>(builder, {0, 0, 2, 3}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("comes twice in token 0")));
  EXPECT_THAT(Add<uint8_t>(builder, {0, 1, 2}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("3 ids, expected 2 x 2")));
  EXPECT_EQ(builder.tokens(), 0u);
  EXPECT_THAT(builder.counts(), ElementsAre(0, 0, 0, 0, 0, 0, 0, 0));
}

TEST(SignatureBuilderTest, TakesCountsThatAddUpAndNoOthers) {
  SignatureBuilder builder = Builder(Geometry(2, 2, 1));
  EXPECT_THAT(builder.AddCounts({2, 1, 0, 0}, 3), IsOk());  // layer 1 is not covered
  EXPECT_THAT(builder.counts(), ElementsAre(2, 1, 0, 0));
  EXPECT_THAT(builder.AddCounts({2, 0, 0, 0}, 3),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("layer 0 sum to 2")));
  EXPECT_THAT(builder.AddCounts({1, 2}, 3),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2 counts, expected 2 x 2")));
  SignatureBuilder two = Builder(Geometry(1, 2, 2));
  EXPECT_THAT(two.AddCounts({3, 1}, 2), StatusIs(absl::StatusCode::kInvalidArgument,
                                                 HasSubstr("expert 0 is 3, expected at most")));
}

TEST(SignatureBuilderTest, ForgetsWhenCleared) {
  SignatureBuilder builder = Builder(Geometry(1, 2, 1));
  EXPECT_THAT(Add<uint8_t>(builder, {1}), IsOk());
  builder.Clear();
  EXPECT_EQ(builder.tokens(), 0u);
  EXPECT_THAT(builder.counts(), ElementsAre(0, 0));
}

TEST(SignatureBuilderTest, RefusesGeometriesOutOfTheirLimits) {
  const auto refused = [](const v1::ModelGeometry& geometry, const std::string& word) {
    EXPECT_THAT(SignatureBuilder::Create(geometry),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(word)));
  };
  refused(Geometry(0, 4, 1), "layers is 0");
  refused(Geometry(2, 1, 1), "experts is 1");
  refused(Geometry(2, 4, 5), "top_k is 5");
  refused(Geometry(1024, 4096, 1), "layers * experts");
  v1::ModelGeometry falling = Geometry(2, 4, 1);
  falling.add_moe_hidden_layers(3);
  falling.add_moe_hidden_layers(3);
  refused(falling, "ascending");
}

}  // namespace
}  // namespace eldr::client
