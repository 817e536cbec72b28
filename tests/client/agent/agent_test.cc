#include "client/agent/agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "absl/time/clock.h"
#include "client/agent/agent_pages.h"
#include "client/src/proto_duration.h"
#include "tests/client/agent/scripted_engine.h"
#include "tests/client/fake_daemon.h"
#include "tests/support/fake_clock.h"

namespace eldr::agent {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const grpc::Status kDenied(grpc::StatusCode::PERMISSION_DENIED, "role decode");

// Heartbeats go by a thread of their own, every 20 ms; looks at the engine when the test says so.
class AgentTest : public ::testing::Test {
 protected:
  AgentTest() {
    const auto ok = [](const auto&, auto*) { return grpc::Status::OK; };
    daemon_.fleet.register_node.set_answer(ok);
    daemon_.fleet.remove_node.set_answer(ok);
    daemon_.fleet.drain_node.set_answer([this](const auto&, auto*) {
      draining_ = true;
      return grpc::Status::OK;
    });
    daemon_.fleet.undrain_node.set_answer([this](const auto&, auto*) {
      draining_ = false;
      return grpc::Status::OK;
    });
    daemon_.fleet.heartbeat.set_answer([this](const auto&, v1::HeartbeatResponse* response) {
      response->set_state(v1::NODE_STATE_READY);
      response->set_draining(draining_);
      response->set_leases(leases_);
      return grpc::Status::OK;
    });
    client_ = client::Client::Create({.target = daemon_.target()}).value();
    Agent::Options options;
    options.spec.set_node_id("d0");
    options.spec.set_model("m");
    options.spec.set_address("a:1");
    *options.spec.mutable_heartbeat_interval() = client::internal::ToProto(absl::Milliseconds(20));
    agent_ = std::make_unique<Agent>(options, *client_, watch_, log_, clock_);
  }

  static bool Within10s(const std::function<bool()>& condition) {
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    while (!condition()) {
      if (absl::Now() > deadline) return false;
      absl::SleepFor(absl::Milliseconds(5));
    }
    return true;
  }
  std::size_t Beats() const { return daemon_.fleet.heartbeat.requests().size(); }
  // True once another heartbeat has come that began after the call.
  bool BeatsAgain() {
    return Within10s([this, before = Beats()] { return Beats() >= before + 2; });
  }
  void Serve() {
    agent_->Step();
    ASSERT_TRUE(BeatsAgain());
  }
  std::string Page(const std::string& path, int status, bool may_drain = true) {
    for (const HttpPage& page : AgentPages(*agent_, may_drain)) {
      if (page.path != path) continue;
      const HttpResponse response = page.handler({});
      EXPECT_EQ(response.status, status) << response.body;
      return response.body;
    }
    return "no such page";
  }

  client::FakeDaemon daemon_;
  std::atomic<bool> draining_{false};
  std::atomic<uint32_t> leases_{0};
  FakeClock clock_;
  Log log_{{.level = "error"}, clock_, std::make_shared<NoOutput>()};
  ScriptedEngine engine_;
  EngineWatch watch_{engine_.Links(), engine_.Options(), [this] { return clock_.Monotonic(); }};
  std::unique_ptr<client::Client> client_;
  std::unique_ptr<Agent> agent_;
};

TEST_F(AgentTest, RegistersOnceTheEngineIsWell) {
  engine_.health = 503;
  EXPECT_EQ(agent_->Step(), absl::Seconds(1));
  EXPECT_THAT(agent_->NotReady(),
              HasSubstr("the engine is starting: the health check answers 503"));
  EXPECT_THAT(daemon_.fleet.register_node.requests(), IsEmpty());
  engine_.health = 200;
  engine_.Decode(0, 3);
  Serve();
  EXPECT_TRUE(Within10s([&] { return agent_->NotReady().empty(); })) << agent_->NotReady();
  const auto registered = daemon_.fleet.register_node.requests();
  ASSERT_THAT(registered, SizeIs(1));
  EXPECT_EQ(registered[0].node().incarnation(),
            static_cast<uint64_t>(absl::ToUnixMillis(clock_.Wall())));
  EXPECT_EQ(daemon_.fleet.heartbeat.requests().back().running(), 3u);
}

TEST_F(AgentTest, DrainsWhileTheEngineSleepsAndComesBack) {
  Serve();
  engine_.awake = 0;
  agent_->Step();
  ASSERT_TRUE(Within10s([&] { return draining_.load(); }));
  EXPECT_TRUE(BeatsAgain());  // it lives
  engine_.awake = 1;
  agent_->Step();
  ASSERT_TRUE(Within10s([&] { return !draining_; }));
  EXPECT_TRUE(Within10s([&] { return agent_->NotReady().empty(); }));
  EXPECT_THAT(daemon_.fleet.register_node.requests(), SizeIs(1));
}

TEST_F(AgentTest, IsSilentWhileTheEngineSleepsWhereItMayNotDrain) {
  daemon_.fleet.drain_node.set_answer([](const auto&, auto*) { return kDenied; });
  Serve();
  engine_.awake = 0;
  agent_->Step();
  ASSERT_TRUE(Within10s([&] { return !agent_->status().load_error.ok(); }));
  const std::size_t before = Beats();
  absl::SleepFor(absl::Milliseconds(200));  // ten intervals
  EXPECT_EQ(Beats(), before);
  engine_.awake = 1;
  agent_->Step();
  EXPECT_TRUE(BeatsAgain());
}

TEST_F(AgentTest, DrainsAndFallsSilentWhenTheEngineFails) {
  Serve();
  engine_.health = 500;
  for (int i = 0; i < 3; ++i) agent_->Step();
  ASSERT_TRUE(Within10s([&] { return draining_ && !agent_->status().load_error.ok(); }));
  const std::size_t before = Beats();
  absl::SleepFor(absl::Milliseconds(200));
  EXPECT_EQ(Beats(), before);
  EXPECT_THAT(Page("/readyz", 503), HasSubstr("the engine is failing"));
  engine_.health = 200;
  agent_->Step();
  EXPECT_TRUE(BeatsAgain());
  EXPECT_TRUE(Within10s([&] { return !draining_; }));
}

TEST_F(AgentTest, LeavesTheDrainOfAnOperatorAlone) {
  draining_ = true;
  Serve();
  ASSERT_TRUE(Within10s([&] { return agent_->status().draining; }));
  engine_.awake = 0;
  agent_->Step();
  ASSERT_TRUE(Within10s([&] { return !daemon_.fleet.drain_node.requests().empty(); }));
  engine_.awake = 1;
  agent_->Step();
  EXPECT_TRUE(BeatsAgain());
  EXPECT_THAT(daemon_.fleet.undrain_node.requests(), IsEmpty());
  EXPECT_THAT(Page("/readyz", 503), HasSubstr("draining"));
}

TEST_F(AgentTest, RegistersAnEngineThatRestartedAsANewProcessButNotAllTheTime) {
  Serve();
  clock_.Advance(absl::Seconds(20));
  engine_.Restart();
  agent_->Step();
  ASSERT_TRUE(Within10s([&] { return daemon_.fleet.register_node.requests().size() == 2; }));
  const auto registered = daemon_.fleet.register_node.requests();
  EXPECT_GT(registered[1].node().incarnation(), registered[0].node().incarnation());
  EXPECT_THAT(daemon_.fleet.remove_node.requests(), IsEmpty());
  for (int i = 0; i < 50; ++i) {  // it claims to restart a hundred times a second
    clock_.Advance(absl::Milliseconds(10));
    engine_.Restart();
    agent_->Step();
  }
  EXPECT_TRUE(BeatsAgain());
  EXPECT_THAT(daemon_.fleet.register_node.requests(), SizeIs(2));
  clock_.Advance(absl::Seconds(10));
  agent_->Step();
  EXPECT_TRUE(Within10s([&] { return daemon_.fleet.register_node.requests().size() == 3; }));
}

TEST_F(AgentTest, IsDrainedOnceNothingRunsAndNoLeaseIsLeft) {
  engine_.Decode(0, 2);
  leases_ = 1;
  Serve();
  EXPECT_FALSE(agent_->Drained());
  EXPECT_THAT(Page("/drain", 503), HasSubstr("draining: 2 running, 0 queued"));
  ASSERT_TRUE(Within10s([&] { return draining_.load(); }));
  engine_.Decode(0, 0);
  agent_->Step();
  ASSERT_TRUE(Within10s([&] { return agent_->status().empty; }));
  EXPECT_FALSE(agent_->Drained());
  leases_ = 0;
  ASSERT_TRUE(Within10s([&] { return agent_->Drained(); }));
  EXPECT_EQ(Page("/drain", 200), "drained\n");
  // It stays drained, whatever the engine does.
  engine_.awake = 0;
  agent_->Step();
  engine_.awake = 1;
  agent_->Step();
  EXPECT_TRUE(BeatsAgain());
  EXPECT_TRUE(draining_);
  agent_->Leave();
  EXPECT_THAT(daemon_.fleet.remove_node.requests(), SizeIs(1));
  agent_->Step();
  EXPECT_THAT(daemon_.fleet.register_node.requests(), SizeIs(1));
}

TEST_F(AgentTest, NobodyWaitsForAnEngineThatIsGone) {
  engine_.Decode(0, 5);
  Serve();
  engine_.health = 500;
  for (int i = 0; i < 3; ++i) agent_->Step();
  agent_->Drain();
  EXPECT_TRUE(Within10s([&] { return agent_->Drained(); }));
}

TEST_F(AgentTest, StaysSilentOnceItsIdWasTaken) {
  Serve();
  const grpc::Status taken(grpc::StatusCode::FAILED_PRECONDITION, "a newer process");
  daemon_.fleet.heartbeat.set_answer([taken](const auto&, auto*) { return taken; });
  daemon_.fleet.register_node.set_answer([taken](const auto&, auto*) { return taken; });
  ASSERT_TRUE(Within10s([&] { return agent_->status().superseded; }));
  EXPECT_THAT(Page("/readyz", 503), HasSubstr("a newer process has the node's id"));
  agent_->Leave();
  EXPECT_THAT(daemon_.fleet.remove_node.requests(), IsEmpty());
}

TEST_F(AgentTest, ServesItsPages) {
  engine_.Decode(0, 2);
  Serve();
  ASSERT_TRUE(Within10s([&] { return agent_->NotReady().empty(); }));
  EXPECT_EQ(Page("/livez", 200), "ok\n");
  EXPECT_EQ(Page("/readyz", 200), "ok\n");
  EXPECT_THAT(
      Page("/metrics", 200),
      AllOf(HasSubstr("\neldr_agent_registered 1\n"),
            HasSubstr("\neldr_agent_engine_state{state=\"serving\"} 1\n"),
            HasSubstr("\neldr_agent_engine_state{state=\"failing\"} 0\n"),
            HasSubstr("\neldr_agent_running 2\n"), HasSubstr("\neldr_agent_kv_usage_ratio 0.5\n"),
            HasSubstr("\neldr_agent_scrapes_total{outcome=\"ok\"} 1\n")));
  EXPECT_EQ(Page("/drain", 200, false), "no such page");
}

}  // namespace
}  // namespace eldr::agent
