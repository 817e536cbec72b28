#include "server/base/status_to_grpc.h"

#include "gtest/gtest.h"

namespace eldr {
namespace {

TEST(StatusToGrpcTest, KeepsCodeAndMessage) {
  const grpc::Status status = ToGrpcStatus(absl::ResourceExhaustedError("limit x"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.error_message(), "limit x");
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());

  v1::ElementError error;
  ToProto(absl::NotFoundError("no y"), &error);
  EXPECT_EQ(error.code(), 5);
  EXPECT_EQ(error.message(), "no y");
}

TEST(StatusToGrpcTest, NamesEveryCode) {
  EXPECT_EQ(OutcomeName(absl::StatusCode::kOk), "ok");
  EXPECT_EQ(OutcomeName(absl::StatusCode::kInvalidArgument), "invalid_argument");
  EXPECT_EQ(OutcomeName(absl::StatusCode::kUnauthenticated), "unauthenticated");
  EXPECT_EQ(OutcomeName(static_cast<absl::StatusCode>(99)), "unknown");
}

}  // namespace
}  // namespace eldr
