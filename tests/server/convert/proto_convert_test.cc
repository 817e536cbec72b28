#include "server/convert/proto_convert.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

google::protobuf::Duration Proto(std::int64_t seconds, std::int32_t nanos) {
  google::protobuf::Duration duration;
  duration.set_seconds(seconds);
  duration.set_nanos(nanos);
  return duration;
}

TEST(ProtoConvertTest, DurationsSurviveBothWays) {
  for (const absl::Duration duration :
       {absl::ZeroDuration(), absl::Nanoseconds(1), absl::Milliseconds(-1500), absl::Hours(24)}) {
    google::protobuf::Duration proto;
    ToProto(duration, &proto);
    EXPECT_THAT(FromProto(proto, "x"), IsOkAndHolds(duration));
  }
}

TEST(ProtoConvertTest, RefusesDurationsOutOfRange) {
  for (const auto& proto :
       {Proto(315'576'000'001, 0), Proto(-315'576'000'001, 0), Proto(0, 1'000'000'000),
        Proto(1, -1), Proto(-1, 1), Proto(std::numeric_limits<std::int64_t>::min(), 0)}) {
    EXPECT_THAT(FromProto(proto, "lease_ttl"),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("lease_ttl: got seconds")));
  }
}

TEST(ProtoConvertTest, AnInfiniteDurationBecomesTheLongest) {
  google::protobuf::Duration proto;
  ToProto(absl::InfiniteDuration(), &proto);
  EXPECT_EQ(proto.seconds(), 315'576'000'000);
}

TEST(ProtoConvertTest, TimesBeforeTheEpochRoundDown) {
  google::protobuf::Timestamp proto;
  ToProto(absl::FromUnixMillis(-500), &proto);
  EXPECT_EQ(proto.seconds(), -1);
  EXPECT_EQ(proto.nanos(), 500'000'000);
}

TEST(ProtoConvertTest, DenseCountsAreBorrowed) {
  v1::ExpertSignature signature;
  signature.set_tokens(9);
  signature.set_prompt_tokens(10);
  signature.mutable_dense()->set_encoding(v1::COUNT_ENCODING_UINT32);
  signature.mutable_dense()->set_data("abcdefgh");
  const auto data = FromProto(signature, "signature");
  ASSERT_THAT(data, IsOk());
  EXPECT_EQ(data->tokens, 9u);
  EXPECT_EQ(data->prompt_tokens, 10u);
  const auto& dense = std::get<SignatureData::Dense>(data->counts);
  EXPECT_EQ(dense.width, CountWidth::k32);
  EXPECT_EQ(dense.bytes.data(), signature.dense().data().data());
  EXPECT_EQ(dense.bytes.size(), 8u);
}

TEST(ProtoConvertTest, SparseCountsAreBorrowed) {
  v1::ExpertSignature signature;
  signature.mutable_sparse()->add_indices(5);
  signature.mutable_sparse()->add_counts(6);
  const auto data = FromProto(signature, "signature");
  ASSERT_THAT(data, IsOk());
  EXPECT_FALSE(data->prompt_tokens.has_value());
  const auto& sparse = std::get<SignatureData::Sparse>(data->counts);
  EXPECT_EQ(sparse.cells.data(), signature.sparse().indices().data());
  EXPECT_EQ(sparse.counts[0], 6u);
}

TEST(ProtoConvertTest, RefusesUnknownEncodings) {
  v1::ExpertSignature signature;
  signature.mutable_dense();
  EXPECT_THAT(FromProto(signature, "signature"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("signature.dense.encoding: got 0, expected COUNT_ENCODING")));
  signature.mutable_dense()->set_encoding(static_cast<v1::CountEncoding>(77));
  EXPECT_THAT(FromProto(signature, "decode_counts"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("decode_counts.dense.encoding: got 77")));
}

TEST(ProtoConvertTest, NoCountsAreCoresToRefuse) {
  const auto data = FromProto(v1::ExpertSignature(), "signature");
  ASSERT_THAT(data, IsOk());
  EXPECT_TRUE(std::holds_alternative<std::monostate>(data->counts));
}

TEST(ProtoConvertTest, GeometrySurvivesBothWays) {
  const ModelGeometry geometry{.layers = 2, .experts = 4, .top_k = 1, .moe_hidden_layers = {1, 3}};
  v1::ModelGeometry proto;
  ToProto(geometry, &proto);
  EXPECT_EQ(FromProto(proto), geometry);
}

TEST(ProtoConvertTest, BatchesAreBounded) {
  EXPECT_THAT(CheckBatch("renewals", 10'000), IsOk());
  EXPECT_THAT(CheckBatch("renewals", 10'001),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "renewals: got 10001 elements, expected at most 10000"));
}

}  // namespace
}  // namespace eldr
