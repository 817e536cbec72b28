// Loads that are read off the pages of stand-in engines, over real sockets.
#include "server/discovery/load_scraper.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/discovery/node_plan.h"
#include "tests/client/scrape/fake_engine.h"
#include "tests/server/daemon_fixture.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LoadScraperTest : public ::testing::Test {
 protected:
  LoadScraperTest() {
    config_.preset = "vllm";
    config_.interval = absl::Milliseconds(100);
    config_.timeout = absl::Milliseconds(300);
    EXPECT_THAT(router_->DeclareModel({.name = "m", .geometry = {2, 4, 2, {}}, .settings = {}}),
                IsOk());
  }

  static std::string Page(int running, int waiting, const char* more = "") {
    return absl::StrCat("vllm:num_requests_running{engine=\"0\"} ", running,
                        "\nvllm:num_requests_waiting{engine=\"0\"} ", waiting,
                        "\nvllm:kv_cache_usage_perc 0.25\n", more);
  }
  NodeSpec Discovered(const std::string& id, const FakeEngine& engine) {
    NodeSpec spec;
    spec.node_id = id;
    spec.model = "m";
    spec.address = std::string(absl::StripPrefix(engine.url(), "http://"));
    spec.labels.emplace(kSourceLabel, "file");
    return spec;
  }
  void Register(const NodeSpec& spec) { ASSERT_THAT(router_->RegisterNode(spec), IsOk()); }
  void Start(const std::vector<NodeSpec>& nodes) {
    auto scraper = LoadScraper::Create(config_, *router_, nullptr, RealClock(), metrics_,
                                       [this] { ++asleep_changes_; });
    ASSERT_THAT(scraper, IsOk());
    scraper_ = *std::move(scraper);
    scraper_->SetNodes(nodes);
    scraper_->Start();
  }
  NodeStatus Status(const std::string& id) {
    const auto nodes = router_->ListNodes("m");
    for (const NodeStatus& node : nodes.value()) {
      if (node.spec.node_id == id) return node;
    }
    ADD_FAILURE() << id << " is not there";
    return {};
  }

  RouterObserver observer_;
  std::unique_ptr<Router> router_ = Router::Create({}, RealClock(), observer_).value();
  ScrapeConfig config_;
  prometheus::Registry registry_;
  ScrapeMetrics metrics_{registry_};
  std::atomic<int> asleep_changes_{0};
  FakeEngine engine_;
  std::unique_ptr<LoadScraper> scraper_;
};

TEST_F(LoadScraperTest, ReportsWhatThePageSays) {
  engine_.SetPage("/metrics", 200, Page(3, 2));
  const NodeSpec node = Discovered("a", engine_);
  Register(node);
  Start({node});
  ASSERT_TRUE(Eventually([&] { return Status("a").reported_running == 3; }));
  EXPECT_EQ(Status("a").reported_queued, 2u);
  EXPECT_EQ(Status("a").reported_kv_usage, 0.25);
  EXPECT_EQ(Status("a").load, 5u);
  engine_.SetPage("/metrics", 200, Page(7, 0));
  EXPECT_TRUE(Eventually([&] { return Status("a").load == 7; }));
  EXPECT_TRUE(Eventually([&] { return metrics_.stale.Value() == 0; }));
}

TEST_F(LoadScraperTest, ALoadThatCannotBeReadGrowsOld) {
  engine_.SetPage("/metrics", 200, Page(3, 2));
  const NodeSpec node = Discovered("a", engine_);
  Register(node);
  Start({node});
  ASSERT_TRUE(Eventually([&] { return metrics_.ok.Value() > 0; }));
  engine_.Close();
  ASSERT_TRUE(Eventually([&] { return metrics_.unreachable.Value() >= 3; }));
  EXPECT_GT(Status("a").heartbeat_age, absl::Milliseconds(100));
  engine_.Open();
  const double read = metrics_.ok.Value();
  EXPECT_TRUE(Eventually([&] { return metrics_.ok.Value() > read; }));
  engine_.SetPage("/metrics", 200, "nothing of it\n");
  EXPECT_TRUE(Eventually([&] { return metrics_.unreadable.Value() > 0; }));
  engine_.SetPage("/metrics", 500, Page(1, 1));
  const double unreachable = metrics_.unreachable.Value();
  EXPECT_TRUE(Eventually([&] { return metrics_.unreachable.Value() > unreachable; }));
}

TEST_F(LoadScraperTest, OneThatHangsHoldsUpNoOther) {
  FakeEngine hangs;
  hangs.SetAnswer("/metrics", [](int) { return FakeEngine::Piece{"", absl::Seconds(60)}; });
  engine_.SetPage("/metrics", 200, Page(1, 0));
  const NodeSpec a = Discovered("a", engine_), b = Discovered("b", hangs);
  Register(a);
  Register(b);
  config_.timeout = absl::Minutes(1);
  Start({a, b});
  EXPECT_TRUE(Eventually([&] { return metrics_.ok.Value() >= 5; }));
  EXPECT_EQ(metrics_.stale.Value(), 1);
  const absl::Duration before = RealClock().Monotonic();
  scraper_.reset();
  EXPECT_LT(RealClock().Monotonic() - before, absl::Seconds(2));
}

// More than are awaited at a time, and all before it by name.
TEST_F(LoadScraperTest, ManyThatHangLeaveRoomForOthers) {
  FakeEngine hangs;
  hangs.SetAnswer("/metrics", [](int) { return FakeEngine::Piece{"", absl::Seconds(60)}; });
  engine_.SetPage("/metrics", 200, Page(1, 0));
  std::vector<NodeSpec> nodes;
  for (int i = 0; i < 48; ++i) nodes.push_back(Discovered(absl::StrCat("a", i), hangs));
  nodes.push_back(Discovered("z", engine_));
  Register(nodes.back());
  Start(nodes);
  EXPECT_TRUE(Eventually([&] { return metrics_.ok.Value() >= 4; }));
}

TEST_F(LoadScraperTest, FollowsANodeToAnotherModel) {
  ASSERT_THAT(router_->DeclareModel({.name = "n", .geometry = {2, 4, 2, {}}, .settings = {}}),
              IsOk());
  engine_.SetPage("/metrics", 200, Page(3, 0));
  NodeSpec node = Discovered("a", engine_);
  Register(node);
  Start({node});
  ASSERT_TRUE(Eventually([&] { return Status("a").reported_running == 3; }));
  ASSERT_THAT(router_->RemoveNode("a"), IsOk());
  node.model = "n";
  Register(node);
  scraper_->SetNodes({node});
  EXPECT_TRUE(Eventually([&] {
    const auto nodes = router_->ListNodes("n");
    return nodes.ok() && nodes->size() == 1 && nodes->front().reported_running == 3;
  }));
}

// It took the id a moment ago, and discovery has not seen it yet.
TEST_F(LoadScraperTest, DoesNotSpeakForANodeThatSpeaksForItself) {
  engine_.SetPage("/metrics", 200, Page(3, 2));
  NodeSpec node = Discovered("a", engine_);
  NodeSpec agent = node;
  agent.labels.clear();
  agent.heartbeat_interval = absl::Seconds(1);
  Register(agent);
  Start({node});
  ASSERT_TRUE(Eventually([&] { return metrics_.ok.Value() >= 3; }));
  EXPECT_EQ(Status("a").heartbeat_age, std::nullopt);
  EXPECT_EQ(metrics_.stale.Value(), 1);
}

TEST_F(LoadScraperTest, TellsWhoSleeps) {
  const char* const asleep = "vllm:engine_sleep_state{sleep_state=\"awake\"} 0\n";
  engine_.SetPage("/metrics", 200, Page(0, 0, asleep));
  const NodeSpec node = Discovered("a", engine_);
  Register(node);
  Start({node});
  ASSERT_TRUE(Eventually([&] { return asleep_changes_ == 1; }));
  EXPECT_THAT(scraper_->Asleep(), ElementsAre("a"));
  engine_.SetPage("/metrics", 200, Page(0, 0));
  ASSERT_TRUE(Eventually([&] { return asleep_changes_ == 2; }));
  EXPECT_TRUE(scraper_->Asleep().empty());
  engine_.SetPage("/metrics", 200, Page(0, 0, asleep));
  ASSERT_TRUE(Eventually([&] { return asleep_changes_ == 3; }));
  scraper_->SetNodes({});
  EXPECT_TRUE(Eventually([&] { return scraper_->Asleep().empty(); })) << "who is gone does not";
}

TEST_F(LoadScraperTest, ReadsOtherNamesAtAnotherPath) {
  engine_.SetPage("/m", 200, "mine 4\n");
  config_.path = "m";
  config_.metrics = {"running=mine"};
  const NodeSpec node = Discovered("a", engine_);
  Register(node);
  Start({node});
  EXPECT_TRUE(Eventually([&] { return Status("a").reported_running == 4; }));
}

TEST_F(LoadScraperTest, RefusesWhatIsNoMetric) {
  config_.metrics = {"walking=mine"};
  EXPECT_THAT(
      LoadScraper::Create(config_, *router_, nullptr, RealClock(), metrics_, [] {}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("discovery.scrape.metrics: ")));
}

// The configuration has a list of its own, as it knows no engines.
TEST(ScrapePresetTest, ThoseOfTheConfigurationAreThoseOfTheAgent) {
  for (const scrape::EnginePreset& preset : scrape::EnginePresets()) {
    EXPECT_THAT(
        ParseConfig(
            absl::StrCat("discovery: {model: m, file: /x, scrape: {preset: ", preset.name, "}}"),
            "f"),
        IsOk())
        << preset.name;
  }
  EXPECT_EQ(scrape::EnginePresets().size(), 3u);
}

}  // namespace
}  // namespace eldr
