#include "client/flags/duration_option.h"

#include <CLI/CLI.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace eldr::flags {
namespace {

using ::testing::HasSubstr;

TEST(ParseDurationTest, TakesDurationsWithTheirUnit) {
  EXPECT_THAT(ParseDuration("500ms"), IsOkAndHolds(absl::Milliseconds(500)));
  EXPECT_THAT(ParseDuration("10s"), IsOkAndHolds(absl::Seconds(10)));
  EXPECT_THAT(ParseDuration("10m"), IsOkAndHolds(absl::Minutes(10)));
  EXPECT_THAT(ParseDuration("1h30m"), IsOkAndHolds(absl::Minutes(90)));
  EXPECT_THAT(ParseDuration("0"), IsOkAndHolds(absl::ZeroDuration()));
  for (const char* bad : {"", "10", "5x", "-1s", "inf", "s"}) {
    EXPECT_THAT(ParseDuration(bad), StatusIs(absl::StatusCode::kInvalidArgument,
                                             HasSubstr("with its unit, like 500ms")))
        << bad;
  }
}

TEST(ParseDurationTest, TakesSecondsWithoutUnitWhereThatIsClear) {
  const DurationRange simulated = {.seconds_without_unit = true};
  EXPECT_THAT(ParseDuration("120", simulated), IsOkAndHolds(absl::Minutes(2)));
  EXPECT_THAT(ParseDuration("0.5", simulated), IsOkAndHolds(absl::Milliseconds(500)));
  EXPECT_THAT(ParseDuration("90s", simulated), IsOkAndHolds(absl::Seconds(90)));
  for (const char* bad : {"-1", "nan", "inf", "1e400", "soon"}) {
    EXPECT_THAT(ParseDuration(bad, simulated), StatusIs(absl::StatusCode::kInvalidArgument)) << bad;
  }
}

TEST(ParseDurationTest, HoldsItsRange) {
  const DurationRange range = {.least = absl::Seconds(1), .most = absl::Hours(1)};
  EXPECT_THAT(ParseDuration("1s", range), IsOkAndHolds(absl::Seconds(1)));
  EXPECT_THAT(ParseDuration("60m", range), IsOkAndHolds(absl::Hours(1)));
  EXPECT_THAT(ParseDuration("999ms", range),
              StatusIs(absl::StatusCode::kInvalidArgument, "\"999ms\": expected 1s to 1h"));
  EXPECT_THAT(ParseDuration("61m", range),
              StatusIs(absl::StatusCode::kInvalidArgument, "\"61m\": expected 1s to 1h"));
  EXPECT_THAT(ParseDuration("1ms", {.least = absl::Milliseconds(100)}),
              StatusIs(absl::StatusCode::kInvalidArgument, "\"1ms\": expected 100ms or more"));
}

TEST(AddDurationTest, NamesTheFlagAndWhatWasExpected) {
  CLI::App app;
  absl::Duration every = absl::Seconds(2);
  AddDuration(app, "--every", every, "How often", {.least = absl::Seconds(1)});
  app.parse("--every 5s");
  EXPECT_EQ(every, absl::Seconds(5));
  try {
    app.parse("--every 0s");
    ADD_FAILURE() << "0s was taken";
  } catch (const CLI::ValidationError& error) {
    EXPECT_THAT(error.what(), HasSubstr("--every: \"0s\": expected 1s or more"));
  }
}

}  // namespace
}  // namespace eldr::flags
