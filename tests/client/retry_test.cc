#include "client/src/retry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "client/src/backoff.h"
#include "tests/support/status_matchers.h"

namespace eldr::client::internal {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Time that moves by sleeping only, and by what an attempt is said to take.
class RetryTest : public ::testing::Test {
 protected:
  RetryTest() {
    environment_.now = [this] { return now_; };
    environment_.sleep = [this](absl::Duration pause) {
      pauses_.push_back(pause);
      now_ += pause;
    };
    environment_.chance = [this] { return chance_; };
    options_.initial_backoff = absl::Milliseconds(100);
    options_.multiplier = 2;
    options_.max_backoff = absl::Milliseconds(300);
    options_.max_attempts = 5;
  }

  // Makes a call whose attempts all take `duration` and answer `status`.
  absl::Status Call(const absl::Status& status, absl::Duration timeout,
                    Repeat repeat = Repeat::kSafe, absl::Duration duration = {}) {
    return CallWithRetry(options_, repeat, timeout, environment_, [&](absl::Duration remaining) {
      budgets_.push_back(remaining);
      now_ += duration;
      return status;
    });
  }

  RetryOptions options_;
  RetryEnvironment environment_;
  absl::Duration now_ = absl::Hours(1);
  double chance_ = 1.0;
  std::vector<absl::Duration> pauses_, budgets_;
};

TEST_F(RetryTest, PausesGrowToTheirBoundAndStopAtTheMostAttempts) {
  EXPECT_THAT(Call(absl::UnavailableError("down"), absl::Minutes(1)),
              StatusIs(absl::StatusCode::kUnavailable, "down"));
  EXPECT_EQ(budgets_.size(), 5u);
  EXPECT_THAT(pauses_, ElementsAre(absl::Milliseconds(100), absl::Milliseconds(200),
                                   absl::Milliseconds(300), absl::Milliseconds(300)));
}

TEST_F(RetryTest, ChanceTakesUpToHalfOfAPause) {
  Backoff backoff(options_);
  EXPECT_EQ(backoff.Next(0.0), absl::Milliseconds(50));
  EXPECT_EQ(backoff.Next(0.5), absl::Milliseconds(150));
}

TEST_F(RetryTest, AttemptsShareOneTimeout) {
  EXPECT_THAT(Call(absl::UnavailableError("down"), absl::Milliseconds(350)),
              StatusIs(absl::StatusCode::kUnavailable));
  // After 100 + 200 ms there is no time left for a pause of 300.
  EXPECT_THAT(budgets_, ElementsAre(absl::Milliseconds(350), absl::Milliseconds(250),
                                    absl::Milliseconds(50)));
}

TEST_F(RetryTest, AnAttemptThatTakesLongLeavesNoTimeForAnother) {
  EXPECT_THAT(Call(absl::UnavailableError("down"), absl::Seconds(1), Repeat::kSafe,
                   absl::Milliseconds(950)),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(budgets_.size(), 1u);
}

TEST_F(RetryTest, OtherErrorsAndUnsafeCallsAreMadeOnce) {
  EXPECT_THAT(Call(absl::ResourceExhaustedError("full"), absl::Minutes(1)),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(Call(absl::UnavailableError("down"), absl::Minutes(1), Repeat::kNever),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(budgets_.size(), 2u);
  EXPECT_THAT(pauses_, IsEmpty());
}

TEST_F(RetryTest, SuccessIsNotRepeated) {
  EXPECT_THAT(Call(absl::OkStatus(), absl::Minutes(1)), IsOk());
  EXPECT_EQ(budgets_.size(), 1u);
}

}  // namespace
}  // namespace eldr::client::internal
