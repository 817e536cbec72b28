#include "eldr/client/lease_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "eldr/client/client.h"
#include "tests/client/fake_daemon.h"
#include "tests/support/status_matchers.h"

namespace eldr::client {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Whether `condition` comes true within a time that only a broken program needs.
template <typename Condition>
bool Eventually(Condition condition) {
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(2));
  }
  return true;
}

class LeaseKeeperTest : public ::testing::Test {
 protected:
  LeaseKeeperTest() {
    auto client = Client::Create({.target = daemon_.target(), .timeout = absl::Seconds(30)});
    EXPECT_THAT(client, IsOk());
    client_ = *std::move(client);
    daemon_.placement.renew_leases.set_answer(
        [](const v1::RenewLeasesRequest& request, v1::RenewLeasesResponse* response) {
          for (int i = 0; i < request.renewals_size(); ++i) {
            response->add_results()->set_outcome(v1::LEASE_OUTCOME_DONE);
          }
          return grpc::Status::OK;
        });
    daemon_.placement.release_leases.set_answer(
        [](const auto&, auto*) { return grpc::Status::OK; });
    daemon_.placement.release_lease.set_answer(
        [](const v1::ReleaseLeaseRequest&, v1::ReleaseLeaseResponse* response) {
          response->set_outcome(v1::LEASE_OUTCOME_DONE);
          return grpc::Status::OK;
        });
  }

  LeaseKeeper Keep(const std::string& request_id, int ttl_seconds) {
    v1::PlaceRequest request;
    request.set_model("m");
    request.set_request_id(request_id);
    v1::PlaceResponse response;
    response.set_lease_id(5);
    response.mutable_lease_ttl()->set_seconds(ttl_seconds);
    return client_->KeepLease(request, response);
  }

  // The request ids that were released in the background so far.
  std::vector<std::string> ReleasedInBackground() const {
    std::vector<std::string> ids;
    for (const v1::ReleaseLeasesRequest& batch : daemon_.placement.release_leases.requests()) {
      for (const v1::ReleaseLeaseRequest& release : batch.releases()) {
        ids.push_back(release.lease().request_id());
      }
    }
    return ids;
  }

  FakeDaemon daemon_;
  std::unique_ptr<Client> client_;
};

TEST_F(LeaseKeeperTest, RenewsInTheBackground) {
  const LeaseKeeper lease = Keep("r1", 1);
  EXPECT_TRUE(Eventually([&] { return !daemon_.placement.renew_leases.requests().empty(); }));
  const v1::LeaseKey sent = daemon_.placement.renew_leases.requests()[0].renewals(0).lease();
  EXPECT_EQ(sent.request_id(), "r1");
  EXPECT_EQ(sent.lease_id(), 5u);
  EXPECT_THAT(lease.status(), IsOk());
}

TEST_F(LeaseKeeperTest, TellsThatTheLeaseHasEnded) {
  daemon_.placement.renew_leases.set_answer(
      [](const v1::RenewLeasesRequest&, v1::RenewLeasesResponse* response) {
        response->add_results()->set_outcome(v1::LEASE_OUTCOME_NOT_HELD);
        return grpc::Status::OK;
      });
  const LeaseKeeper lease = Keep("r1", 1);
  EXPECT_TRUE(Eventually([&] { return absl::IsNotFound(lease.status()); }));
}

TEST_F(LeaseKeeperTest, ReleasesOnceWithWhatIsKnownOfTheRequest) {
  LeaseKeeper lease = Keep("r1", 600);
  EXPECT_THAT(lease.Release({.output_tokens = 512}), IsOk());
  EXPECT_THAT(lease.Release(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("released")));
  const auto requests = daemon_.placement.release_lease.requests();
  ASSERT_THAT(requests, SizeIs(1));
  EXPECT_EQ(requests[0].lease().lease_id(), 5u);
  EXPECT_EQ(requests[0].output_tokens(), 512u);
}

TEST_F(LeaseKeeperTest, ReleasesInTheBackgroundWhenDestroyed) {
  { const LeaseKeeper lease = Keep("r1", 600); }
  EXPECT_TRUE(Eventually([&] { return ReleasedInBackground() == std::vector<std::string>{"r1"}; }));
}

TEST_F(LeaseKeeperTest, AssigningReleasesTheOldLeaseAndMovingDoesNot) {
  LeaseKeeper first = Keep("r1", 600);
  LeaseKeeper second = std::move(first);
  second = Keep("r2", 600);
  EXPECT_EQ(second.key().request_id(), "r2");
  EXPECT_TRUE(Eventually([&] { return ReleasedInBackground() == std::vector<std::string>{"r1"}; }));
}

TEST_F(LeaseKeeperTest, TheLastKeeperSendsItsReleaseBeforeTheConnectionEnds) {
  {
    const LeaseKeeper lease = Keep("r1", 600);
    client_.reset();  // the keeper goes on alone
  }
  EXPECT_TRUE(Eventually([&] { return ReleasedInBackground() == std::vector<std::string>{"r1"}; }));
}

TEST_F(LeaseKeeperTest, OneThatOutlivesItsClientDoesNotWaitForADaemonThatDoesNotAnswer) {
  // Shared: the handlers may come to it after the test has ended.
  auto answer = std::make_shared<absl::Notification>();
  const auto late = [answer](const auto&, auto*) {
    answer->WaitForNotification();
    return grpc::Status::OK;
  };
  daemon_.placement.release_leases.set_answer(late);
  daemon_.placement.renew_leases.set_answer(late);
  const absl::Time start = absl::Now();
  {
    const LeaseKeeper released = Keep("r1", 600);
    LeaseKeeper detached = Keep("r2", 1);
    EXPECT_TRUE(Eventually([&] { return !daemon_.placement.renew_leases.requests().empty(); }));
    client_.reset();
    detached.Detach();
  }
  EXPECT_LT(absl::Now() - start, absl::Seconds(15)) << "the calls take 30 s";
  answer->Notify();
  EXPECT_TRUE(Eventually([&] { return ReleasedInBackground() == std::vector<std::string>{"r1"}; }));
}

TEST_F(LeaseKeeperTest, TheClientWaitsForWhatItsKeepersLeftToRelease) {
  daemon_.placement.release_leases.set_answer([](const auto&, auto*) {
    absl::SleepFor(absl::Milliseconds(20));  // so that it is still under way
    return grpc::Status::OK;
  });
  const LeaseKeeper other = Keep("r2", 600);  // holds the connection
  { const LeaseKeeper lease = Keep("r1", 600); }
  client_.reset();
  EXPECT_THAT(ReleasedInBackground(), testing::ElementsAre("r1"));
}

TEST_F(LeaseKeeperTest, DetachLeavesTheLeaseAlone) {
  {
    LeaseKeeper lease = Keep("r1", 600);
    lease.Detach();
    EXPECT_THAT(lease.status(), StatusIs(absl::StatusCode::kNotFound));
  }
  client_.reset();  // would send what is queued
  EXPECT_THAT(ReleasedInBackground(), IsEmpty());
  EXPECT_THAT(daemon_.placement.release_lease.requests(), IsEmpty());
}

}  // namespace
}  // namespace eldr::client
