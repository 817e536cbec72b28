// The source against an API server that misbehaves, over real sockets.
#include "server/discovery/kubernetes_source.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/daemon_fixture.h"
#include "tests/server/discovery/fake_api_server.h"
#include "tests/server/string_output.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Event = FakeApiServer::Event;

class KubernetesSourceTest : public ::testing::Test {
 protected:
  KubernetesSourceTest() {
    config_.model = "m";
    config_.kubernetes.selector = "app=x,role in (a)";
    config_.kubernetes.api_server = server_.url();
    config_.kubernetes.credentials = server_.credentials();
  }

  void Start() {
    source_ = std::make_unique<KubernetesSource>(config_, list_, RealClock(), log_, metrics_,
                                                 watch_metrics_, 1);
    source_->Start();
  }
  // Once a watch is open, which is after a list.
  void StartAndAwaitWatch() {
    Start();
    ASSERT_TRUE(Eventually([&] { return server_.open_watches() == 1; })) << LogText();
  }
  std::vector<std::string> Found() {
    std::vector<std::string> found;
    for (const Endpoint& endpoint : list_.Read().endpoints) {
      found.push_back(absl::StrCat(endpoint.node_id, endpoint.ready ? "" : " not ready"));
    }
    return found;
  }
  bool Finds(const std::vector<std::string>& expected) {
    return Eventually([&] { return list_.Read().complete && Found() == expected; });
  }
  std::string LogText() {
    log_.Flush(absl::Seconds(10));
    return output_->text();
  }

  FakeApiServer server_;
  DiscoveryConfig config_;
  prometheus::Registry registry_;
  DiscoveryMetrics metrics_{registry_};
  SourceMetrics source_metrics_ = metrics_.Source("kubernetes");
  WatchMetrics watch_metrics_{registry_};
  const std::shared_ptr<StringOutput> output_ = std::make_shared<StringOutput>();
  Log log_{LogConfig{}, RealClock(), output_};
  EndpointList list_{"kubernetes", 4096, [] {}};
  std::unique_ptr<KubernetesSource> source_;
};

TEST_F(KubernetesSourceTest, ListsAndWatches) {
  server_.Put({.name = "a"});
  StartAndAwaitWatch();
  EXPECT_TRUE(Finds({"a"}));
  EXPECT_EQ(server_.selector(), "app=x,role in (a)");
  EXPECT_TRUE(Eventually([&] { return watch_metrics_.connected.Value() == 1; }));
  server_.Put({.name = "b", .ready = false});
  EXPECT_TRUE(Finds({"a", "b not ready"}));
  server_.Put({.name = "b"});
  server_.Delete("a");
  EXPECT_TRUE(Finds({"b"}));
  EXPECT_EQ(server_.lists(), 1);
  EXPECT_EQ(server_.watches(), 1);
}

TEST_F(KubernetesSourceTest, EndsAtOnceWhateverItDoes) {
  StartAndAwaitWatch();
  const absl::Duration before = RealClock().Monotonic();
  source_.reset();
  EXPECT_LT(RealClock().Monotonic() - before, absl::Seconds(2)) << "in a watch";
  server_.Fail(500);
  Start();
  ASSERT_TRUE(Eventually([&] { return source_metrics_.lists_failed.Value() > 0; }));
  const absl::Duration then = RealClock().Monotonic();
  source_.reset();
  EXPECT_LT(RealClock().Monotonic() - then, absl::Seconds(2)) << "in a pause";
}

TEST_F(KubernetesSourceTest, ReadsAListInPages) {
  std::vector<std::string> expected;
  for (int i = 1000; i < 1700; ++i) {
    expected.push_back(absl::StrCat("p", i));
    server_.Put({.name = expected.back()});
  }
  StartAndAwaitWatch();
  EXPECT_TRUE(Finds(expected));
  EXPECT_EQ(server_.lists(), 3);
}

TEST_F(KubernetesSourceTest, EventsThatComeTwiceOrLateChangeNothing) {
  StartAndAwaitWatch();
  server_.Put({.name = "a"}, Event::kSentTwice);
  const std::int64_t then = server_.version();
  server_.Delete("a", Event::kSentTwice);
  server_.SendLine(FakeApiServer::Line("ADDED", {.name = "a"}, then));
  server_.Put({.name = "b"}, Event::kSentTwice);
  EXPECT_TRUE(Finds({"b"}));
  EXPECT_TRUE(Eventually([&] { return watch_metrics_.stale.Value() == 4; }));
  EXPECT_THAT(Found(), ElementsAre("b"));
}

TEST_F(KubernetesSourceTest, AWatchThatIsCutGoesOnWhereItEnded) {
  server_.Put({.name = "a"});
  StartAndAwaitWatch();
  server_.Bookmark();
  ASSERT_TRUE(Eventually([&] { return watch_metrics_.bookmarks.Value() == 1; }));
  server_.DropWatches();
  server_.Put({.name = "b"});
  EXPECT_TRUE(Finds({"a", "b"}));
  EXPECT_EQ(server_.lists(), 1);
  EXPECT_EQ(watch_metrics_.broken.Value(), 1);
  server_.EndWatches();
  server_.Delete("a");
  EXPECT_TRUE(Finds({"b"}));
  EXPECT_EQ(server_.lists(), 1);
  EXPECT_EQ(watch_metrics_.ended.Value(), 1);
}

TEST_F(KubernetesSourceTest, AVersionThatIsTooOldLeadsToANewList) {
  server_.Put({.name = "a"});
  server_.Put({.name = "b"});
  StartAndAwaitWatch();
  // Missed: nobody tells, but the list that follows.
  server_.Delete("a", Event::kMissed);
  server_.Put({.name = "b", .ready = false}, Event::kMissed);
  server_.Compact();
  server_.DropWatches();
  EXPECT_TRUE(Finds({"b not ready"}));
  EXPECT_EQ(server_.lists(), 2);
  EXPECT_EQ(watch_metrics_.expired.Value(), 1);
}

TEST_F(KubernetesSourceTest, ReadsTheTokenAnewWhenItWasChanged) {
  server_.Put({.name = "a"});
  StartAndAwaitWatch();
  server_.SetToken("second", false);
  server_.DropWatches();
  ASSERT_TRUE(Eventually([&] { return server_.refused_tokens() > 0; }));
  EXPECT_THAT(Found(), ElementsAre("a")) << "what was found stays";
  server_.SetToken("second", true);
  server_.Put({.name = "b"});
  EXPECT_TRUE(Finds({"a", "b"}));
  EXPECT_THAT(LogText(), HasSubstr("answers 401: not today"));
  EXPECT_THAT(LogText(), ::testing::Not(HasSubstr("second"))) << "no token stands in a line";
}

TEST_F(KubernetesSourceTest, KeepsAllWhileTheServerFails) {
  server_.Put({.name = "a"});
  StartAndAwaitWatch();
  server_.Fail(503);
  server_.DropWatches();
  ASSERT_TRUE(Eventually([&] { return watch_metrics_.broken.Value() >= 2; }));
  EXPECT_THAT(Found(), ElementsAre("a"));
  EXPECT_EQ(watch_metrics_.connected.Value(), 0);
  server_.Delete("a");
  server_.Fail(0);
  EXPECT_TRUE(Finds({}));
}

TEST_F(KubernetesSourceTest, SaysWhatItMayNot) {
  server_.Fail(403);
  Start();
  ASSERT_TRUE(Eventually([&] { return source_metrics_.lists_failed.Value() > 0; }));
  EXPECT_THAT(LogText(), HasSubstr("/pods?labelSelector=app%3Dx%2Crole%20in%20%28a%29"));
  EXPECT_THAT(LogText(), HasSubstr("answers 403: not today"));
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_FALSE(list_.Read().complete) << "an error is no empty list";
}

TEST_F(KubernetesSourceTest, TrustsOnlyTheClustersAuthority) {
  ReplaceFile(server_.credentials() + "/ca.crt", TestAuthority("another").certificate());
  Start();
  ASSERT_TRUE(Eventually([&] { return source_metrics_.lists_failed.Value() > 0; }));
  EXPECT_THAT(LogText(), HasSubstr("certificate"));
  EXPECT_EQ(server_.lists(), 0);
  EXPECT_EQ(server_.refused_tokens(), 0) << "the token goes to nobody else";
}

TEST_F(KubernetesSourceTest, TakesNoLineThatNeverEnds) {
  server_.Put({.name = "a"});
  StartAndAwaitWatch();
  server_.SendLine(std::string(KubeApi::kMaxLineBytes + 1, 'x'));
  EXPECT_TRUE(Eventually([&] { return watch_metrics_.malformed.Value() == 1; }));
  server_.Compact();  // it would be sent again
  server_.Put({.name = "b"});
  EXPECT_TRUE(Finds({"a", "b"}));
}

TEST_F(KubernetesSourceTest, APoolHasTheSelectorAndThePorts) {
  config_.kubernetes.selector = "";
  config_.kubernetes.inference_pool = "pool";
  const auto pool = [](const char* label, const char* ports) {
    return absl::StrCat(R"({"spec":{"selector":{"matchLabels":{"app":")", label,
                        R"("}},"targetPorts":[)", ports, "]}}");
  };
  server_.Put({.name = "a"});
  Start();
  ASSERT_TRUE(Eventually([&] { return LogText().find("no such pool") != std::string::npos; }));
  server_.SetPool(pool("x", R"({"number":8000})"));
  EXPECT_TRUE(Finds({"a"}));
  EXPECT_EQ(server_.selector(), "app=x");
  ASSERT_TRUE(Eventually([&] { return server_.open_watches() == 1; }));
  server_.SetPool(pool("y", R"({"number":8000},{"number":8001})"));
  server_.EndWatches();
  EXPECT_TRUE(Finds({"a-rank-0", "a-rank-1"})) << "with the next watch a changed pool counts";
  EXPECT_EQ(server_.selector(), "app=y");
}

TEST(KubernetesPauseTest, GrowsAndIsBounded) {
  EXPECT_EQ(KubernetesSource::LongestPause(1), absl::Seconds(1));
  EXPECT_EQ(KubernetesSource::LongestPause(2), absl::Seconds(2));
  EXPECT_EQ(KubernetesSource::LongestPause(5), absl::Seconds(16));
  EXPECT_EQ(KubernetesSource::LongestPause(6), absl::Seconds(30));
  EXPECT_EQ(KubernetesSource::LongestPause(1'000'000), absl::Seconds(30));
}

}  // namespace
}  // namespace eldr
