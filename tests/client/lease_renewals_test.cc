#include "client/src/lease_renewals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace eldr::client::internal {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::LeaseKey Key(const std::string& request_id) {
  v1::LeaseKey key;
  key.set_model("m");
  key.set_request_id(request_id);
  key.set_lease_id(7);
  return key;
}

// A daemon that renews as the test says and notes what it was sent.
class LeaseRenewalsTest : public ::testing::Test {
 protected:
  LeaseRenewalsTest()
      : renewals_([this](const v1::RenewLeasesRequest& request) { return Renew(request); },
                  [this](const v1::ReleaseLeasesRequest& request) { return Release(request); }) {}

  absl::StatusOr<v1::RenewLeasesResponse> Renew(const v1::RenewLeasesRequest& request) {
    std::vector<std::string> ids;
    v1::RenewLeasesResponse response;
    for (const v1::RenewLeaseRequest& renewal : request.renewals()) {
      ids.push_back(renewal.lease().request_id());
      *response.add_results() = result_;
    }
    renewed_.push_back(ids);
    if (!transport_.ok()) return transport_;
    return response;
  }

  absl::StatusOr<v1::ReleaseLeasesResponse> Release(const v1::ReleaseLeasesRequest& request) {
    for (const v1::ReleaseLeaseRequest& release : request.releases()) {
      released_.push_back(release.lease().request_id());
    }
    return v1::ReleaseLeasesResponse();
  }

  static v1::LeaseResult Result(v1::LeaseOutcome outcome) {
    v1::LeaseResult result;
    result.set_outcome(outcome);
    return result;
  }

  v1::LeaseResult result_ = Result(v1::LEASE_OUTCOME_DONE);
  absl::Status transport_;
  std::vector<std::vector<std::string>> renewed_;  // one element per call
  std::vector<std::string> released_;
  LeaseRenewals renewals_;
};

TEST_F(LeaseRenewalsTest, RenewsAtAThirdOfTheTimeToLive) {
  const uint64_t ticket = renewals_.Add(Key("a"), absl::Seconds(30), absl::Seconds(100));
  EXPECT_EQ(renewals_.Step(absl::Seconds(109)), absl::Seconds(110));
  EXPECT_THAT(renewed_, IsEmpty());
  EXPECT_EQ(renewals_.Step(absl::Seconds(110)), absl::Seconds(120));
  EXPECT_THAT(renewed_, ElementsAre(ElementsAre("a")));
  EXPECT_THAT(renewals_.StatusOf(ticket), IsOk());
}

TEST_F(LeaseRenewalsTest, WhatIsNearlyDueGoesAlongInOneCall) {
  renewals_.Add(Key("a"), absl::Seconds(30), absl::Seconds(0));
  renewals_.Add(Key("b"), absl::Milliseconds(31'500), absl::Seconds(0));  // due at 10.5
  renewals_.Add(Key("c"), absl::Seconds(60), absl::Seconds(0));           // due at 20
  EXPECT_EQ(renewals_.Step(absl::Seconds(10)), absl::Seconds(20));
  EXPECT_THAT(renewed_, ElementsAre(ElementsAre("a", "b")));
}

TEST_F(LeaseRenewalsTest, ALeaseThatEndedIsReportedAndRenewedNoMore) {
  const uint64_t ticket = renewals_.Add(Key("a"), absl::Seconds(30), absl::Seconds(0));
  result_ = Result(v1::LEASE_OUTCOME_NOT_HELD);
  EXPECT_EQ(renewals_.Step(absl::Seconds(10)), absl::InfiniteDuration());
  EXPECT_THAT(renewals_.StatusOf(ticket),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("request \"a\"")));
}

TEST_F(LeaseRenewalsTest, AMovedLeaseIsReportedAsSuch) {
  const uint64_t ticket = renewals_.Add(Key("a"), absl::Seconds(30), absl::Seconds(0));
  result_ = Result(v1::LEASE_OUTCOME_STALE);
  renewals_.Step(absl::Seconds(10));
  EXPECT_THAT(renewals_.StatusOf(ticket),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("holds another")));
}

TEST_F(LeaseRenewalsTest, AnUnreachableDaemonIsTriedAgainSoon) {
  const uint64_t ticket = renewals_.Add(Key("a"), absl::Seconds(30), absl::Seconds(0));
  transport_ = absl::UnavailableError("down");
  EXPECT_EQ(renewals_.Step(absl::Seconds(10)), absl::Seconds(12.5));
  EXPECT_THAT(renewals_.StatusOf(ticket), StatusIs(absl::StatusCode::kUnavailable, "down"));
  transport_ = absl::OkStatus();
  EXPECT_EQ(renewals_.Step(absl::Seconds(12.5)), absl::Seconds(22.5));
  EXPECT_THAT(renewals_.StatusOf(ticket), IsOk());
}

TEST_F(LeaseRenewalsTest, ARemovedLeaseIsForgotten) {
  const uint64_t ticket = renewals_.Add(Key("a"), absl::Seconds(30), absl::Seconds(0));
  renewals_.Remove(ticket);
  EXPECT_EQ(renewals_.Step(absl::Seconds(10)), absl::InfiniteDuration());
  EXPECT_THAT(renewed_, IsEmpty());
  EXPECT_THAT(released_, IsEmpty());
  EXPECT_THAT(renewals_.StatusOf(ticket), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(LeaseRenewalsTest, QueuedReleasesGoWithTheNextStepInsteadOfRenewals) {
  const uint64_t ticket = renewals_.Add(Key("a"), absl::Seconds(30), absl::Seconds(0));
  renewals_.ReleaseLater(ticket);
  renewals_.ReleaseLater(ticket);  // not known any more
  EXPECT_EQ(renewals_.Step(absl::Seconds(10)), absl::InfiniteDuration());
  EXPECT_THAT(released_, ElementsAre("a"));
  EXPECT_THAT(renewed_, IsEmpty());
}

TEST_F(LeaseRenewalsTest, ManyLeasesAreSentInBatchesThatTheDaemonTakes) {
  for (int i = 0; i < 10'001; ++i) {
    renewals_.Add(Key("r"), absl::Seconds(30), absl::Seconds(0));
  }
  EXPECT_EQ(renewals_.Step(absl::Seconds(10)), absl::Seconds(20));
  ASSERT_EQ(renewed_.size(), 2u);
  EXPECT_EQ(renewed_[0].size(), 10'000u);
  EXPECT_EQ(renewed_[1].size(), 1u);
}

}  // namespace
}  // namespace eldr::client::internal
