#include "server/readiness.h"

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "tests/server/string_output.h"
#include "tests/support/fake_clock.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

class ReadinessTest : public ::testing::Test {
 protected:
  ReadinessTest() {
    for (std::size_t i = 0; i < 2; ++i) {
      answers_.push_back(absl::OkStatus());
      reopened_.push_back(0);
    }
    std::vector<Readiness::Address> addresses;
    for (std::size_t i = 0; i < 2; ++i) {
      addresses.push_back({.name = i == 0 ? "tcp" : "unix",
                           .call = [this, i] { return answers_[i]; },
                           .reopen = [this, i] { ++reopened_[i]; }});
    }
    readiness_ = std::make_unique<Readiness>(std::move(addresses), log_);
  }
  void Steps(int count) {
    for (int i = 0; i < count; ++i) readiness_->Step();
  }

  FakeClock clock_;
  const std::shared_ptr<StringOutput> output_ = std::make_shared<StringOutput>();
  Log log_{LogConfig{}, clock_, output_};
  std::vector<absl::Status> answers_;
  std::vector<int> reopened_;
  std::unique_ptr<Readiness> readiness_;
};

TEST_F(ReadinessTest, IsProvenBeforeItIsBelieved) {
  EXPECT_FALSE(readiness_->ready());
  EXPECT_EQ(readiness_->reason(), "starting");
  answers_[1] = absl::DeadlineExceededError("no answer");
  Steps(1);
  EXPECT_FALSE(readiness_->ready()) << "one that never answered needs no second failure";
  answers_[1] = absl::OkStatus();
  Steps(1);
  EXPECT_TRUE(readiness_->ready());
}

TEST_F(ReadinessTest, GoesAfterTheSecondFailureAndComesWithTheFirstAnswer) {
  Steps(1);
  answers_[0] = absl::DeadlineExceededError("no answer");
  Steps(1);
  EXPECT_TRUE(readiness_->ready()) << "a slow moment";
  Steps(1);
  EXPECT_FALSE(readiness_->ready());
  EXPECT_EQ(readiness_->reason(), "tcp does not answer");
  answers_[0] = absl::OkStatus();
  Steps(1);
  EXPECT_TRUE(readiness_->ready());
  log_.Flush(absl::Seconds(10));
  EXPECT_THAT(output_->text(), AllOf(HasSubstr("error self_call_failed address=tcp"),
                                     HasSubstr("info self_call_answered address=tcp")));
}

TEST_F(ReadinessTest, AnAddressThatNobodyListensOnIsOpenedAnew) {
  Steps(1);
  answers_[1] = absl::NotFoundError("nobody");
  Steps(3);
  EXPECT_EQ(reopened_[0], 0);
  EXPECT_EQ(reopened_[1], 3);
}

TEST_F(ReadinessTest, IsHopelessOnlyIfTheProcessIsToBlame) {
  Steps(1);
  for (const absl::Status& outside :
       {absl::ResourceExhaustedError("files"), absl::UnavailableError("network")}) {
    answers_[0] = outside;
    Steps(3 * Readiness::kHopelessAfter);
    EXPECT_FALSE(readiness_->ready());
    EXPECT_FALSE(readiness_->hopeless()) << outside;
  }
  answers_[0] = absl::DeadlineExceededError("deaf");
  Steps(Readiness::kHopelessAfter - 1);
  EXPECT_FALSE(readiness_->hopeless());
  Steps(1);
  EXPECT_TRUE(readiness_->hopeless());
}

TEST_F(ReadinessTest, IsNotHopelessIfItNeverAnswered) {
  answers_[0] = absl::DeadlineExceededError("a firewall");
  Steps(3 * Readiness::kHopelessAfter);
  EXPECT_FALSE(readiness_->ready());
  EXPECT_FALSE(readiness_->hopeless()) << "a new process would not either";
}

}  // namespace
}  // namespace eldr
