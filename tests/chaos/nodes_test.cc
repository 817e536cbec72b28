// Decode nodes that freeze, or that the network takes away, and come back.
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "tests/chaos/cable.h"
#include "tests/chaos/chaos_test.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

class NodesTest : public ChaosTest {
 protected:
  void ExpectLost(const std::string& node) {
    EXPECT_TRUE(Within(absl::Seconds(20), [&] { return NodeIs(node, "lost"); })) << eldrd_->Log();
    EXPECT_THAT(eldrd_->Log(), HasSubstr(absl::StrCat("node=", node, " before=ready state=lost")));
  }
  void ExpectReadmitted(const std::string& node, const Load& load) {
    EXPECT_TRUE(Within(absl::Seconds(20), [&] { return NodeIs(node, "ready"); })) << eldrd_->Log();
    const std::uint64_t before = load.placed_on(node);
    EXPECT_TRUE(Within(absl::Seconds(20), [&] { return load.placed_on(node) > before; }))
        << "it is not used again";
  }
};

TEST_F(NodesTest, OneThatFreezesIsLostAndReadmittedWhenItThaws) {
  StartDaemon();
  if (HasFatalFailure()) return;
  std::vector<std::unique_ptr<ChildProcess>> nodes;
  for (int i = 0; i < 3; ++i) nodes.push_back(StartNode(absl::StrCat("n", i)));
  const auto load = StartLoad();
  ASSERT_TRUE(load->PlacesMore(100));
  EXPECT_GT(load->placed_on("n1"), 0u);

  nodes[1]->Signal(SIGSTOP);
  ExpectLost("n1");
  const std::uint64_t frozen = load->placed_on("n1");
  ASSERT_TRUE(load->PlacesMore(100));
  EXPECT_EQ(load->placed_on("n1"), frozen) << "a lost node was answered";
  EXPECT_EQ(eldrd_->Metric("eldr_node_leases", "node=\"n1\""), 0);

  nodes[1]->Signal(SIGCONT);
  ExpectReadmitted("n1", *load);
  ExpectNothingFailedAndNothingLeft(*load, {"n1"});
}

TEST_F(NodesTest, OneThatIsKilledIsLostWithItsLeasesAndNothingElse) {
  StartDaemon();
  if (HasFatalFailure()) return;
  std::vector<std::unique_ptr<ChildProcess>> nodes;
  for (int i = 0; i < 3; ++i) nodes.push_back(StartNode(absl::StrCat("n", i)));
  const auto frontend = StartWorker({"frontend", eldrd_->unix_target(), "90", "600"});
  const double on_n2 = eldrd_->Metric("eldr_node_leases", "node=\"n2\"");
  EXPECT_GT(on_n2, 0);
  nodes[2]->End(SIGKILL);
  ExpectLost("n2");
  EXPECT_EQ(eldrd_->Metric("eldr_leases_ended_total", "end=\"node_lost\""), on_n2);
  EXPECT_EQ(eldrd_->Metric("eldr_node_leases"), 90 - on_n2);
}

TEST_F(NodesTest, MostThatAreKilledAreLostAndTheOthersServe) {
  StartDaemon();
  if (HasFatalFailure()) return;
  std::vector<std::unique_ptr<ChildProcess>> nodes;
  for (int i = 0; i < 5; ++i) nodes.push_back(StartNode(absl::StrCat("n", i)));
  const auto load = StartLoad();
  ASSERT_TRUE(load->PlacesMore(100));
  for (int i = 0; i < 3; ++i) nodes[static_cast<std::size_t>(i)]->End(SIGKILL);
  for (int i = 0; i < 3; ++i) ExpectLost(absl::StrCat("n", i));
  const std::uint64_t on_the_dead =
      load->placed_on("n0") + load->placed_on("n1") + load->placed_on("n2");
  ASSERT_TRUE(load->PlacesMore(200));
  EXPECT_EQ(load->placed_on("n0") + load->placed_on("n1") + load->placed_on("n2"), on_the_dead);
  EXPECT_EQ(eldrd_->Metric("eldr_node_state", "state=\"ready\""), 2);
  ExpectNothingFailedAndNothingLeft(*load, {"n0", "n1", "n2"});
}

TEST_F(NodesTest, ADaemonThatFreezesAndThawsLosesNoNode) {
  StartDaemon();
  if (HasFatalFailure()) return;
  std::vector<std::unique_ptr<ChildProcess>> nodes;
  for (int i = 0; i < 3; ++i) nodes.push_back(StartNode(absl::StrCat("n", i)));
  const auto frontend = StartWorker({"frontend", eldrd_->unix_target(), "90", "600"});
  ASSERT_EQ(kill(eldrd_->pid(), SIGSTOP), 0);
  absl::SleepFor(absl::Seconds(3));  // longer than node_timeout, which is what is tested
  ASSERT_EQ(kill(eldrd_->pid(), SIGCONT), 0);
  EXPECT_TRUE(Within(absl::Seconds(20), [&] {
    return eldrd_->Metric("eldr_panic_mode") == 0 && NodeIs("n0", "ready") &&
           NodeIs("n1", "ready") && NodeIs("n2", "ready");
  })) << eldrd_->Log();
  EXPECT_EQ(eldrd_->Metric("eldr_leases_ended_total", "end=\"node_lost\""), 0);
  EXPECT_EQ(eldrd_->Metric("eldr_node_leases"), 90);
}

class PartitionTest : public NodesTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0 || !cable_.usable()) {
      GTEST_SKIP() << "needs root and `ip netns` to cut a network in two";
    }
    EldrdProcess::Settings settings;
    settings.also_listen = Cable::Address(1) + ":0";
    settings.grpc = "  insecure: true\n";
    // TCP takes its time to notice that the cable is mended.
    settings.more = "panic: {max_timeouts: 15}\n";
    StartDaemon(settings);
  }
  std::unique_ptr<ChildProcess> StartFarNode(const std::string& node) {
    return StartWorker({"node", eldrd_->tcp_target(Cable::Address(1)), node}, cable_.AtTheFarEnd());
  }

  Cable cable_;
};

TEST_F(PartitionTest, ANodeBeyondItIsLostAndReadmittedWhenItEnds) {
  const auto first = StartNode("n0");
  const auto second = StartNode("n1");
  const auto far = StartFarNode("far");
  const auto load = StartLoad();
  ASSERT_TRUE(load->PlacesMore(100));
  cable_.Cut();
  ExpectLost("far");
  ASSERT_TRUE(load->PlacesMore(100));
  cable_.Mend();
  ExpectReadmitted("far", *load);
  ExpectNothingFailedAndNothingLeft(*load, {"far"});
}

TEST_F(PartitionTest, MostOfTheFleetBeyondItIsLostWhileTheOthersAreHeard) {
  const auto near = StartNode("n0");
  std::vector<std::unique_ptr<ChildProcess>> far;
  for (int i = 0; i < 3; ++i) far.push_back(StartFarNode(absl::StrCat("far", i)));
  const auto load = StartLoad();
  ASSERT_TRUE(load->PlacesMore(100));
  cable_.Cut();
  for (int i = 0; i < 3; ++i) ExpectLost(absl::StrCat("far", i));
  EXPECT_TRUE(NodeIs("n0", "ready"));
  const std::uint64_t before = load->placed_on("n0");
  ASSERT_TRUE(load->PlacesMore(100));
  EXPECT_GE(load->placed_on("n0"), before + 100);
  cable_.Mend();
  for (int i = 0; i < 3; ++i) ExpectReadmitted(absl::StrCat("far", i), *load);
  ExpectNothingFailedAndNothingLeft(*load, {"far0", "far1", "far2"});
}

TEST_F(PartitionTest, AllOfTheFleetBeyondItIsNotTakenForLost) {
  std::vector<std::unique_ptr<ChildProcess>> far;
  for (int i = 0; i < 3; ++i) far.push_back(StartFarNode(absl::StrCat("far", i)));
  const auto load = StartLoad();
  ASSERT_TRUE(load->PlacesMore(100));
  cable_.Cut();
  EXPECT_TRUE(Within(absl::Seconds(20), [&] { return eldrd_->Metric("eldr_panic_mode") == 1; }));
  EXPECT_GT(eldrd_->Metric("eldr_node_state", "state=\"lost_in_panic\""), 0);
  ASSERT_TRUE(load->PlacesMore(100));
  EXPECT_GT(eldrd_->Metric("eldr_placements_total", "reason=\"panic_mode\""), 0);
  EXPECT_EQ(eldrd_->Metric("eldr_node_state", "state=\"lost\""), 0);
  EXPECT_THAT(eldrd_->Log(), HasSubstr("panic_mode model=m panic=true"));
  cable_.Mend();
  EXPECT_TRUE(Within(absl::Seconds(20), [&] { return eldrd_->Metric("eldr_panic_mode") == 0; }));
  ExpectNothingFailedAndNothingLeft(*load);
  EXPECT_EQ(eldrd_->Metric("eldr_leases_ended_total", "end=\"node_lost\""), 0);
}

}  // namespace
}  // namespace eldr
