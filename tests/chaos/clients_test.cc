// Frontends that die or stop reading.
#include <signal.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/config.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "eldr/client/client.h"
#include "gmock/gmock.h"
#include "tests/chaos/chaos_test.h"
#include "tests/chaos/connection.h"

namespace eldr {
namespace {

class ClientsTest : public ChaosTest {
 protected:
  void StartWithNodes(EldrdProcess::Settings settings = {}) {
    StartDaemon(std::move(settings));
    if (HasFatalFailure()) return;
    for (int i = 0; i < 4; ++i) eldrd_->RegisterNode(absl::StrCat("n", i));
  }
};

TEST_F(ClientsTest, AThousandLeasesOfADeadFrontendEndByTheirTime) {
  StartWithNodes();
  if (HasFatalFailure()) return;
  const auto load = StartLoad();
  const auto frontend = StartWorker({"frontend", eldrd_->unix_target(), "1000", "3"});
  frontend->End(SIGKILL);
  EXPECT_TRUE(Within(absl::Seconds(20), [&] {
    return eldrd_->Metric("eldr_leases_ended_total", "end=\"expired\"") == 1000;
  })) << eldrd_->Metric("eldr_leases_ended_total", "end=\"expired\"");
  ASSERT_TRUE(load->PlacesMore(50));
  ExpectNothingFailedAndNothingLeft(*load);
  EXPECT_EQ(eldrd_->Metric("eldr_placements_total", "reason=\"policy\""),
            eldrd_->Metric("eldr_leases_ended_total"))
      << "each lease ended once";
}

// Nobody waits on the stream, so it is on the client to read the answers to its own pings. A daemon
// in this process would read them for it.
TEST_F(ClientsTest, AStreamThatIsQuietForLongStaysOpen) {
  StartWithNodes();
  if (HasFatalFailure()) return;
  const auto client = client::Client::Create({.target = eldrd_->tcp_target(),
                                              .keepalive_time = absl::Seconds(1),
                                              .keepalive_timeout = absl::Seconds(1)});
  ASSERT_TRUE(client.ok()) << client.status();
  const auto stream = (*client)->StreamPlacements();
  v1::PlaceRequest query;
  query.set_model("m");
  query.set_request_id("r");
  ASSERT_TRUE(stream->Send(query).ok());
  ASSERT_TRUE(stream->Receive().ok());
  // Shorter than the five seconds after which gRPC looks at its connections anyway.
  const absl::Time quiet = absl::Now();
  while (absl::Now() - quiet < absl::Seconds(4)) absl::SleepFor(absl::Milliseconds(100));
  ASSERT_TRUE(stream->Send(query).ok());
  const auto reply = stream->Receive();
  EXPECT_TRUE(reply.ok()) << reply.status();
}

TEST_F(ClientsTest, OneThatDoesNotReadHoldsNobodyUpAndLeavesNothingBehind) {
  StartWithNodes();
  if (HasFatalFailure()) return;
  const auto load = StartLoad();
  ASSERT_TRUE(load->PlacesMore(200));
  const double before = eldrd_->ResidentBytes();
  std::vector<std::unique_ptr<ChildProcess>> deaf;
  for (int i = 0; i < 4; ++i) deaf.push_back(StartWorker({"deaf", eldrd_->unix_target()}));
  EXPECT_TRUE(
      Within(absl::Seconds(20), [&] { return eldrd_->Metric("eldr_calls_in_flight") >= 4; }));
  // Their queries stop when the daemon has no more room for answers.
  const auto served = [&] {
    return eldrd_->Metric("eldr_calls_total", "call=\"StreamPlacements\"");
  };
  double seen = -1;
  EXPECT_TRUE(Within(absl::Seconds(30), [&] {
    const bool at_rest = seen == served() && load->PlacesMore(50) && seen == served();
    seen = served();
    return at_rest;
  }));
  EXPECT_GT(seen, 4 * 256);
  RecordProperty("grown_by_bytes", static_cast<int>(eldrd_->ResidentBytes() - before));
#ifndef ABSL_HAVE_ADDRESS_SANITIZER  // which keeps what was freed
  EXPECT_LT(eldrd_->ResidentBytes() - before, 64 << 20);
#endif
  for (auto& process : deaf) process->End(SIGKILL);
  EXPECT_TRUE(
      Within(absl::Seconds(20), [&] { return eldrd_->Metric("eldr_calls_in_flight") == 0; }));
  ExpectNothingFailedAndNothingLeft(*load);
}

TEST_F(ClientsTest, MoreConnectionsThanTheSoftLimitOfFilesAreServed) {
  EldrdProcess::Settings settings;
  settings.prefix = {"prlimit", "--nofile=64:1000"};
  StartWithNodes(settings);
  if (HasFatalFailure()) return;
  const auto load = StartLoad();
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < 300; ++i) {
    connections.push_back(std::make_unique<Connection>(eldrd_->tcp_target()));
  }
  EXPECT_TRUE(Within(absl::Seconds(8), [&] {  // before they are closed for their silence
    return std::all_of(connections.begin(), connections.end(), [](const auto& connection) {
      connection->ClosedByPeer();
      return connection->heard();
    });
  }));
  EXPECT_EQ(eldrd_->Metric("process_max_fds"), 1000);
  EXPECT_GT(eldrd_->Metric("process_open_fds"), 300);
  ExpectNothingFailedAndNothingLeft(*load);
}

}  // namespace
}  // namespace eldr
