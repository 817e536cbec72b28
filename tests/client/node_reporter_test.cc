#include "eldr/client/node_reporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <utility>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "client/src/proto_duration.h"
#include "eldr/client/client.h"
#include "tests/client/fake_daemon.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace eldr::client {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::Duration kInterval = absl::Milliseconds(50);
const grpc::Status kNotKnown(grpc::StatusCode::NOT_FOUND, "node d0 is not registered");
const grpc::Status kAway(grpc::StatusCode::UNAVAILABLE, "away");

class NodeReporterTest : public ::testing::Test {
 protected:
  NodeReporterTest() {
    client_ = Client::Create({.target = daemon_.target(), .retry = {.max_attempts = 1}}).value();
    daemon_.fleet.register_node.set_answer([](const auto&, auto*) { return grpc::Status::OK; });
    daemon_.fleet.heartbeat.set_answer([](const auto&, v1::HeartbeatResponse* response) {
      response->set_leases(2);
      return grpc::Status::OK;
    });
    daemon_.fleet.drain_node.set_answer([](const auto&, auto*) { return grpc::Status::OK; });
    daemon_.fleet.undrain_node.set_answer([](const auto&, auto*) { return grpc::Status::OK; });
    daemon_.fleet.remove_node.set_answer([](const auto&, auto*) { return grpc::Status::OK; });
  }

  static v1::NodeSpec Spec() {
    v1::NodeSpec spec;
    spec.set_node_id("d0");
    spec.set_model("m");
    spec.set_address("10.0.0.1:8000");
    spec.set_incarnation(1);
    *spec.mutable_heartbeat_interval() = internal::ToProto(kInterval);
    return spec;
  }
  static absl::StatusOr<NodeLoad> Busy() {
    NodeLoad load;
    load.running = 1;
    load.running_request_ids = {"a"};
    load.complete_list = true;
    return load;
  }
  // On the fake clock.
  std::unique_ptr<NodeReporter> Make(NodeReporterOptions options = {},
                                     NodeReporter::LoadSource load = Busy) {
    options.now = [this] { return clock_.Monotonic(); };
    return NodeReporter::Create(*client_, Spec(), std::move(load), std::move(options)).value();
  }
  // A reporter that runs by itself.
  std::unique_ptr<NodeReporter> Run(NodeReporter::LoadSource load) {
    auto reporter = NodeReporter::Create(*client_, Spec(), std::move(load)).value();
    reporter->Start();
    return reporter;
  }
  void StepAndAdvance(NodeReporter& reporter) { clock_.Advance(reporter.Step()); }
  template <typename Condition>
  static bool Within10s(Condition condition) {
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    while (!condition()) {
      if (absl::Now() > deadline) return false;
      absl::SleepFor(absl::Milliseconds(5));
    }
    return true;
  }

  FakeDaemon daemon_;
  FakeClock clock_;
  std::unique_ptr<Client> client_;
};

TEST_F(NodeReporterTest, RegistersAndBeatsOverOneStream) {
  const auto reporter = Make();
  EXPECT_EQ(reporter->Step(), absl::ZeroDuration());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(reporter->Step(), kInterval);
    EXPECT_EQ(reporter->Step(), kInterval);  // not due: nothing is sent
    clock_.Advance(kInterval);
  }
  EXPECT_EQ(reporter->status().leases, 2u);
  EXPECT_THAT(daemon_.fleet.register_node.requests(), SizeIs(1));
  EXPECT_EQ(daemon_.fleet.streams, 1);
  const auto beats = daemon_.fleet.heartbeat.requests();
  ASSERT_THAT(beats, SizeIs(3));
  EXPECT_THAT(beats[2].running_request_ids(), ElementsAre("a"));
  EXPECT_TRUE(beats[2].complete_list());
}

TEST_F(NodeReporterTest, BeatsByCallsIfAsked) {
  const auto reporter = Make({.stream = false});
  StepAndAdvance(*reporter);
  StepAndAdvance(*reporter);
  EXPECT_THAT(daemon_.fleet.heartbeat.requests(), SizeIs(1));
  EXPECT_EQ(daemon_.fleet.streams, 0);
}

TEST_F(NodeReporterTest, RegistersAnewOnTheSameStreamWhenItIsNotKnown) {
  const auto reporter = Make();
  StepAndAdvance(*reporter);
  StepAndAdvance(*reporter);
  daemon_.fleet.heartbeat.set_answer([](const auto&, auto*) { return kNotKnown; });
  StepAndAdvance(*reporter);
  EXPECT_FALSE(reporter->status().registered);
  daemon_.fleet.heartbeat.set_answer([](const auto&, auto*) { return grpc::Status::OK; });
  StepAndAdvance(*reporter);
  StepAndAdvance(*reporter);
  EXPECT_TRUE(reporter->status().registered);
  EXPECT_THAT(daemon_.fleet.register_node.requests(), SizeIs(2));
  EXPECT_THAT(daemon_.fleet.heartbeat.requests(), SizeIs(3));
  EXPECT_EQ(daemon_.fleet.streams, 1);
}

TEST_F(NodeReporterTest, OpensANewStreamAfterOneBroke) {
  daemon_.fleet.streams_to_break = 1;
  const auto reporter = Make();
  StepAndAdvance(*reporter);
  StepAndAdvance(*reporter);
  EXPECT_THAT(reporter->status().error, StatusIs(absl::StatusCode::kUnavailable));
  StepAndAdvance(*reporter);
  EXPECT_THAT(reporter->status().error, IsOk());
  EXPECT_EQ(daemon_.fleet.streams, 2);
}

TEST_F(NodeReporterTest, GivesAStreamUpThatDoesNotAnswer) {
  // Shared: the handler may come to it after the test has ended.
  const auto end = std::make_shared<absl::Notification>();
  daemon_.fleet.heartbeat.set_answer([end](const auto&, auto*) {
    end->WaitForNotification();
    return grpc::Status::OK;
  });
  const auto reporter = Make();
  StepAndAdvance(*reporter);
  StepAndAdvance(*reporter);
  EXPECT_THAT(reporter->status().error, StatusIs(absl::StatusCode::kDeadlineExceeded));
  daemon_.fleet.heartbeat.set_answer([](const auto&, auto*) { return grpc::Status::OK; });
  StepAndAdvance(*reporter);
  EXPECT_THAT(reporter->status().error, IsOk());
  EXPECT_EQ(daemon_.fleet.streams, 2);
  end->Notify();
}

TEST_F(NodeReporterTest, GoesOnWhileTheDaemonIsAway) {
  daemon_.fleet.register_node.set_answer([](const auto&, auto*) { return kAway; });
  const auto reporter = Make();
  EXPECT_EQ(reporter->Step(), absl::Seconds(1));
  EXPECT_FALSE(reporter->status().registered);
  daemon_.fleet.register_node.set_answer([](const auto&, auto*) { return grpc::Status::OK; });
  clock_.Advance(absl::Seconds(1));
  StepAndAdvance(*reporter);
  StepAndAdvance(*reporter);
  EXPECT_TRUE(reporter->status().registered);
  EXPECT_THAT(daemon_.fleet.heartbeat.requests(), SizeIs(1));
}

TEST_F(NodeReporterTest, LeavesHeartbeatsOutWhileItsLoadIsNotKnown) {
  bool known = false;
  const auto reporter = Make({}, [&]() -> absl::StatusOr<NodeLoad> {
    if (known) return NodeLoad();
    return absl::UnavailableError("the engine sleeps");
  });
  StepAndAdvance(*reporter);
  EXPECT_EQ(reporter->Step(), kInterval);
  EXPECT_THAT(reporter->status().load_error, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(daemon_.fleet.heartbeat.requests(), IsEmpty());
  known = true;
  clock_.Advance(kInterval);
  StepAndAdvance(*reporter);
  EXPECT_THAT(reporter->status().load_error, IsOk());
  EXPECT_THAT(daemon_.fleet.heartbeat.requests(), SizeIs(1));
}

TEST_F(NodeReporterTest, TellsOfChangesOnce) {
  std::vector<std::string> seen;
  const auto reporter = Make({.on_change = [&](const NodeStatus& status) {
    seen.push_back(status.superseded   ? "superseded"
                   : status.error.ok() ? status.registered ? "registered" : "unknown"
                                       : std::string(status.error.message()));
  }});
  for (int i = 0; i < 4; ++i) StepAndAdvance(*reporter);
  daemon_.fleet.heartbeat.set_answer([](const auto&, auto*) { return kAway; });
  for (int i = 0; i < 3; ++i) StepAndAdvance(*reporter);
  daemon_.fleet.heartbeat.set_answer([](const auto&, auto*) { return grpc::Status::OK; });
  for (int i = 0; i < 3; ++i) StepAndAdvance(*reporter);
  const grpc::Status taken(grpc::StatusCode::FAILED_PRECONDITION, "a newer process");
  daemon_.fleet.heartbeat.set_answer([taken](const auto&, auto*) { return taken; });
  daemon_.fleet.register_node.set_answer([taken](const auto&, auto*) { return taken; });
  for (int i = 0; i < 2; ++i) StepAndAdvance(*reporter);
  EXPECT_THAT(seen,
              ElementsAre("registered", "away", "registered", "a newer process", "superseded"));
  EXPECT_EQ(reporter->Step(), absl::InfiniteDuration());
}

TEST_F(NodeReporterTest, RunsDrainsEmptiesAndLeavesByItself) {
  std::atomic<uint32_t> running{1};
  const auto reporter = Run([&]() -> absl::StatusOr<NodeLoad> {
    NodeLoad load;
    load.running = running;
    return load;
  });
  ASSERT_TRUE(Within10s([&] { return daemon_.fleet.heartbeat.requests().size() >= 3; }));
  reporter->Drain();
  ASSERT_TRUE(Within10s([&] { return !daemon_.fleet.drain_node.requests().empty(); }));
  EXPECT_FALSE(reporter->WaitUntilEmpty(absl::Milliseconds(100)));
  running = 0;
  EXPECT_TRUE(reporter->WaitUntilEmpty(absl::Seconds(10)));
  reporter->Undrain();
  ASSERT_TRUE(Within10s([&] { return !daemon_.fleet.undrain_node.requests().empty(); }));
  EXPECT_THAT(reporter->Leave(), IsOk());
  EXPECT_THAT(daemon_.fleet.remove_node.requests(), SizeIs(1));
  EXPECT_FALSE(reporter->status().registered);
  EXPECT_EQ(reporter->Step(), absl::InfiniteDuration());
}

TEST_F(NodeReporterTest, LeavesAtItsEndUnlessItWasStopped) {
  const auto registered = [](const NodeReporter& reporter) {
    return Within10s([&] { return reporter.status().registered; });
  };
  {
    const auto stopped = Run(Busy);
    ASSERT_TRUE(registered(*stopped));
    stopped->Stop();
  }
  EXPECT_THAT(daemon_.fleet.remove_node.requests(), IsEmpty());
  daemon_.fleet.remove_node.set_answer([](const auto&, auto*) {
    return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "role decode");
  });
  {
    const auto left = Run(Busy);
    ASSERT_TRUE(registered(*left));
  }
  EXPECT_THAT(daemon_.fleet.remove_node.requests(), SizeIs(1));
}

TEST_F(NodeReporterTest, RefusesASpecThatCannotBeKeptAlive) {
  EXPECT_THAT(NodeReporter::Create(*client_, v1::NodeSpec(), Busy),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace eldr::client
