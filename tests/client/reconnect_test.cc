// How a client goes on when its daemon ends, moves, or vanishes without a word.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <optional>
#include <thread>

#include "absl/time/clock.h"
#include "eldr/client/client.h"
#include "tests/client/fake_daemon.h"
#include "tests/client/relay.h"
#include "tests/support/status_matchers.h"

namespace eldr::client {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ReconnectTest : public ::testing::Test {
 protected:
  ReconnectTest() { Answer(daemon_.emplace()); }

  static void Answer(FakeDaemon& daemon) {
    daemon.models.list_models.set_answer([](const auto&, auto*) { return grpc::Status::OK; });
    daemon.fleet.heartbeat.set_answer([](const auto&, auto*) { return grpc::Status::OK; });
  }
  // One that is quick to notice.
  static std::unique_ptr<Client> NewClient(const std::string& target) {
    auto client = Client::Create({.target = target,
                                  .timeout = absl::Seconds(60),
                                  .keepalive_time = absl::Seconds(1),
                                  .keepalive_timeout = absl::Seconds(1)});
    EXPECT_THAT(client, IsOk());
    return *std::move(client);
  }

  std::optional<FakeDaemon> daemon_;
};

TEST_F(ReconnectTest, ADaemonThatIsBackIsUsedWithinASecond) {
  const std::string target = daemon_->target();
  const auto client = NewClient(target);
  ASSERT_THAT(client->ListModels({}), IsOk());
  daemon_.reset();
  // Long enough for pauses to grow to their bound.
  const absl::Time down = absl::Now();
  while (absl::Now() - down < absl::Seconds(3)) {
    EXPECT_THAT(client->ListModels({}), StatusIs(absl::StatusCode::kUnavailable));
  }
  Answer(daemon_.emplace(target));
  const absl::Time back = absl::Now();
  while (!client->ListModels({}).ok()) ASSERT_LT(absl::Now() - back, absl::Seconds(1));
}

TEST_F(ReconnectTest, ACallFindsTheSuccessorOfADaemonThatVanished) {
  Relay network(daemon_->target());
  const auto client = NewClient(network.target());
  ASSERT_THAT(client->ListModels({}), IsOk());
  FakeDaemon successor;
  Answer(successor);
  network.SilenceOpenConnections();
  network.PointTo(successor.target());
  const absl::Time start = absl::Now();
  EXPECT_THAT(client->ListModels({}), IsOk()) << "a call that is safe to repeat";
  EXPECT_LT(absl::Now() - start, absl::Seconds(6));
  EXPECT_EQ(network.accepted(), 2);
}

TEST_F(ReconnectTest, StreamsAndWatchesOfADaemonThatVanishedEnd) {
  daemon_->placement.watched.emplace_back();
  daemon_->placement.watch_goes_on = true;
  Relay network(daemon_->target());
  const auto client = NewClient(network.target());
  const auto stream = client->StreamHeartbeats();
  ASSERT_THAT(stream->Send({}), IsOk());
  ASSERT_THAT(stream->Receive(), IsOk());
  std::atomic<bool> told{false};
  std::thread watcher([&] {
    EXPECT_THAT(client->WatchPlacements({}, [&](const auto&) { return told = true; }),
                StatusIs(absl::StatusCode::kUnavailable));
  });
  while (!told.load()) absl::SleepFor(absl::Milliseconds(2));
  const absl::Time start = absl::Now();
  network.SilenceOpenConnections();
  watcher.join();
  EXPECT_THAT(stream->Receive(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_LT(absl::Now() - start, absl::Seconds(6));
  daemon_->placement.watch_goes_on = false;
}

class ProxyTest : public ReconnectTest {
 protected:
  // Nobody listens there.
  ProxyTest() { setenv("http_proxy", "http://127.0.0.1:1", 1); }
  ~ProxyTest() override { unsetenv("http_proxy"); }
};

TEST_F(ProxyTest, TheEnvironmentsIsNotUsed) {
  const auto client = NewClient(daemon_->target());
  EXPECT_THAT(client->ListModels({}), IsOk());
  EXPECT_THAT(client->CheckHealth(), IsOk());
}

TEST_F(ProxyTest, OneThatIsToldIsUsedAndNamedWithoutItsPassword) {
  auto client =
      Client::Create({.target = daemon_->target(), .http_proxy = "http://user:sesame@127.0.0.1:1"});
  ASSERT_THAT(client, IsOk());
  const auto listed = (*client)->ListModels({});
  EXPECT_THAT(listed, StatusIs(absl::StatusCode::kUnavailable,
                               HasSubstr("by way of the proxy 127.0.0.1:1")));
  EXPECT_THAT(std::string(listed.status().message()), Not(HasSubstr("sesame")));
}

}  // namespace
}  // namespace eldr::client
