// kill -9 under load, then a new process: what was acknowledged and is gone?
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "eldr/client/client.h"
#include "eldr/v1/placement.grpc.pb.h"
#include "gmock/gmock.h"
#include "tests/chaos/chaos_test.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

EldrdProcess::Settings WithState(const std::string& directory, const std::string& sync) {
  EldrdProcess::Settings settings;
  settings.more = absl::StrCat("state_dir: ", directory, "\nstate_sync: ", sync,
                               "\nstate_sync_interval: 200ms\n");
  return settings;
}

struct Acknowledged {
  std::string request_id;
  std::uint64_t lease_id;
  SteadyClock::time_point at;
};

// Places until the daemon is gone.
std::vector<Acknowledged> PlaceUntilItEnds(const EldrdProcess& eldrd, const std::string& prefix) {
  auto stub = v1::PlacementService::NewStub(eldrd.NewChannel());
  std::vector<Acknowledged> placed;
  while (true) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    v1::PlaceRequest request;
    v1::PlaceResponse response;
    request.set_model("m");
    request.set_request_id(absl::StrCat(prefix, placed.size()));
    if (!stub->Place(&context, request, &response).ok()) return placed;
    placed.push_back({request.request_id(), response.lease_id(), SteadyClock::now()});
  }
}

bool Holds(v1::PlacementService::Stub& stub, const Acknowledged& lease) {
  grpc::ClientContext context;
  v1::RenewLeaseRequest request;
  v1::RenewLeaseResponse response;
  request.mutable_lease()->set_model("m");
  request.mutable_lease()->set_request_id(lease.request_id);
  request.mutable_lease()->set_lease_id(lease.lease_id);
  EXPECT_TRUE(stub.RenewLease(&context, request, &response).ok());
  return response.outcome() == v1::LEASE_OUTCOME_DONE;
}

class RestartTest : public ChaosTest {
 protected:
  const TempDir state_;
};

class RestartSyncTest : public RestartTest, public ::testing::WithParamInterface<std::string> {};

TEST_P(RestartSyncTest, NothingOlderThanTheLossWindowIsMissing) {
  const bool always = GetParam() == "always";
  StartDaemon(WithState(state_ / "state", GetParam()));
  if (HasFatalFailure()) return;
  for (int i = 0; i < 32; ++i) eldrd_->RegisterNode(absl::StrCat("n", i));
  std::vector<std::vector<Acknowledged>> placed(4);
  std::vector<std::thread> clients;
  for (std::size_t i = 0; i < placed.size(); ++i) {
    clients.emplace_back(
        [&, i] { placed[i] = PlaceUntilItEnds(*eldrd_, absl::StrCat("c", i, "-")); });
  }
  std::this_thread::sleep_for(milliseconds(2000));  // of load, not for a result
  const auto killed = SteadyClock::now();
  eldrd_->Kill();
  for (std::thread& client : clients) client.join();

  eldrd_->Start();
  if (HasFatalFailure()) return;
  auto stub = v1::PlacementService::NewStub(eldrd_->NewChannel());
  // The interval, and a write that was under way on a busy machine.
  const auto window = always ? milliseconds(0) : milliseconds(200 + 600);
  std::size_t kept = 0, lost = 0;
  for (const auto& client : placed) {
    for (const Acknowledged& lease : client) {
      if (Holds(*stub, lease)) {
        ++kept;
        continue;
      }
      ++lost;
      EXPECT_FALSE(always) << lease.request_id << " was acknowledged and is gone";
      EXPECT_LT(killed - lease.at, window) << lease.request_id << " was older than the window";
    }
  }
  RecordProperty("kept", static_cast<int>(kept));
  RecordProperty("lost", static_cast<int>(lost));
  std::cout << GetParam() << ": kept " << kept << ", lost " << lost << "\n";
  EXPECT_GT(kept, 20u);
  EXPECT_THAT(eldrd_->Log(), ::testing::HasSubstr("state_restored"));
}

INSTANTIATE_TEST_SUITE_P(Policies, RestartSyncTest,
                         ::testing::Values("always", "interval", "never"),
                         [](const auto& param) { return param.param; });

TEST_F(RestartTest, ALoadThatGoesOnFindsItsLeasesInEachNewProcess) {
  StartDaemon(WithState(state_ / "state", "always"));
  if (HasFatalFailure()) return;
  std::vector<std::unique_ptr<ChildProcess>> nodes;
  for (int i = 0; i < 3; ++i) nodes.push_back(StartNode(absl::StrCat("n", i)));
  const auto load = StartLoad({.hold = absl::Milliseconds(20), .patience = absl::Seconds(30)});
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(load->PlacesMore(100)) << "round " << round;
    eldrd_->Kill();
    eldrd_->Start();
    if (HasFatalFailure()) return;
  }
  ASSERT_TRUE(load->PlacesMore(100));
  // A lease that ended with the old process is not back: all that is left would be seen here.
  ExpectNothingFailedAndNothingLeft(*load);
  EXPECT_EQ(eldrd_->Metric("eldr_state_kept"), 1);
  EXPECT_EQ(eldrd_->Metric("eldr_state_restored_total", "refused_lease"), 0);
  EXPECT_EQ(eldrd_->Metric("eldr_leases_ended_total", "node_lost"), 0);
  EXPECT_THAT(eldrd_->Log(), ::testing::HasSubstr("state_restored"));
}

TEST_F(RestartTest, AClientThatAskedInVainIsServedAsSoonAsTheNewProcessIs) {
  StartDaemon(WithState(state_ / "state", "always"));
  if (HasFatalFailure()) return;
  eldrd_->RegisterNode("n");
  client::Options options;
  options.target = eldrd_->unix_target();
  const auto client = client::Client::Create(options);
  ASSERT_THAT(client, IsOk());
  v1::PlaceRequest request;
  request.set_model("m");
  request.set_request_id("r");
  const auto first = (*client)->Place(request);
  ASSERT_THAT(first, IsOk());
  eldrd_->Kill();
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT((*client)->Place(request), StatusIs(absl::StatusCode::kUnavailable));
  }
  eldrd_->Start();
  if (HasFatalFailure()) return;
  const auto started = SteadyClock::now();
  auto again = (*client)->Place(request);
  while (!again.ok() && SteadyClock::now() - started < std::chrono::seconds(20)) {
    again = (*client)->Place(request);
  }
  ASSERT_THAT(again, IsOk());
  EXPECT_LT(SteadyClock::now() - started, std::chrono::seconds(3));
  EXPECT_EQ(again->lease_id(), first->lease_id());
  EXPECT_EQ(again->node().node_id(), "n");
}

TEST_F(RestartTest, WithoutStateNodesRegisterAgainAndALoadGoesOn) {
  StartDaemon();
  if (HasFatalFailure()) return;
  const auto first = StartNode("n0");
  const auto second = StartNode("n1");
  const auto load = StartLoad({.patience = absl::Seconds(30)});
  ASSERT_TRUE(load->PlacesMore(50));
  eldrd_->Kill();
  eldrd_->Start();
  if (HasFatalFailure()) return;
  ASSERT_TRUE(load->PlacesMore(50));
  load->Stop();
  EXPECT_THAT(load->failures(), ::testing::IsEmpty());
  EXPECT_TRUE(NodeIs("n0", "ready"));
  EXPECT_TRUE(Within(absl::Seconds(10), [&] { return NodeIs("n1", "ready"); }));
  ExpectNoLeases();
}

}  // namespace
}  // namespace eldr
