#include "tests/support/status_matchers.h"

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace eldr {
namespace {

using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::Matcher;
using ::testing::Not;
using ::testing::Pointee;
using ::testing::StringMatchResultListener;

const absl::StatusOr<int> kSeven = 7;
const absl::StatusOr<int> kMissing = absl::NotFoundError("no node \"a\"");

TEST(StatusMatchersTest, IsOkTellsValuesFromErrors) {
  EXPECT_THAT(absl::OkStatus(), IsOk());
  EXPECT_THAT(kSeven, IsOk());
  EXPECT_THAT(absl::InternalError("broken"), Not(IsOk()));
  EXPECT_THAT(kMissing, Not(IsOk()));
}

TEST(StatusMatchersTest, StatusIsWantsTheCodeAndTheMessage) {
  EXPECT_THAT(kMissing, StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(kMissing, StatusIs(absl::StatusCode::kNotFound, HasSubstr("\"a\"")));
  EXPECT_THAT(kMissing.status(), StatusIs(absl::StatusCode::kNotFound, "no node \"a\""));
  EXPECT_THAT(kMissing, Not(StatusIs(absl::StatusCode::kNotFound, HasSubstr("\"b\""))));
  EXPECT_THAT(kMissing, Not(StatusIs(absl::StatusCode::kInternal, HasSubstr("\"a\""))));
  EXPECT_THAT(kSeven, Not(StatusIs(absl::StatusCode::kNotFound)));
}

TEST(StatusMatchersTest, IsOkAndHoldsLooksInside) {
  EXPECT_THAT(kSeven, IsOkAndHolds(7));
  EXPECT_THAT(kSeven, IsOkAndHolds(Gt(6)));
  EXPECT_THAT(kSeven, Not(IsOkAndHolds(8)));
  EXPECT_THAT(kMissing, Not(IsOkAndHolds(7)));
  EXPECT_THAT(absl::StatusOr<std::string>("node"), IsOkAndHolds("node"));
  EXPECT_THAT(absl::StatusOr<std::unique_ptr<int>>(std::make_unique<int>(3)),
              IsOkAndHolds(Pointee(3)));
}

TEST(StatusMatchersTest, AFailureShowsTheStatus) {
  StringMatchResultListener listener;
  const Matcher<const absl::StatusOr<int>&> matcher = IsOkAndHolds(7);
  EXPECT_FALSE(matcher.MatchAndExplain(kMissing, &listener));
  EXPECT_THAT(listener.str(), HasSubstr("NOT_FOUND: no node \"a\""));
}

}  // namespace
}  // namespace eldr
