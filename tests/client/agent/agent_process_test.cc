// eldr-agent between a real eldrd and an engine that misbehaves, over real sockets.
#include <signal.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/scrape/http_fetch.h"
#include "gmock/gmock.h"
#include "tests/chaos/child_process.h"
#include "tests/chaos/eldrd_process.h"
#include "tests/client/agent/scripted_engine.h"
#include "tests/client/scrape/fake_engine.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

constexpr char kNode[] = "node=\"d0\"";
constexpr absl::Duration kPatience = absl::Seconds(30);

class AgentProcessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    eldrd_.Start();
    if (HasFatalFailure()) return;
    engine_.SetPage("/health", 200, "");
    script_.Decode(0, 3);
    ShowPage();
  }
  void ShowPage() { engine_.SetPage("/metrics", 200, script_.Page()); }

  std::vector<std::string> Command(const std::vector<std::string>& arguments) const {
    std::vector<std::string> command = {std::getenv("ELDR_AGENT")};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
  }
  void StartAgent() {
    agent_ = std::make_unique<ChildProcess>(Command({"run",
                                                     "--node",
                                                     "d0",
                                                     "--model",
                                                     "m",
                                                     "--address",
                                                     "a:1",
                                                     "--engine",
                                                     engine_.url(),
                                                     "--target",
                                                     eldrd_.unix_target(),
                                                     "--scrape-interval",
                                                     "50ms",
                                                     "--scrape-timeout",
                                                     "500ms",
                                                     "--scrape-max-bytes",
                                                     "1000000",
                                                     "--heartbeat-interval",
                                                     "100ms",
                                                     "--drain-timeout",
                                                     "20s",
                                                     "--listen",
                                                     "127.0.0.1:0"}),
                                            dir_ / "log");
  }
  void StartReadyAgent() {
    StartAgent();
    ASSERT_TRUE(Within(kPatience, [&] { return IsReady(); })) << Log();
  }
  std::string Log() const { return ReadWholeFile(dir_ / "log"); }
  double Of(const std::string& metric) const { return eldrd_.Metric(metric, kNode); }
  bool IsIn(const std::string& state) const {
    return eldrd_.Metric("eldr_node_state", absl::StrCat(kNode, ",state=\"", state, "\"")) == 1;
  }
  bool IsReady() const { return IsIn("ready") && Of("eldr_node_draining") == 0; }
  // Where the agent listens, as it has logged.
  std::string AgentUrl() const {
    const std::string log = Log();
    const std::size_t at = log.find("http=127.0.0.1:");
    if (at == std::string::npos) return "";
    return absl::StrCat("http://", log.substr(at + 5, log.find_first_of(" \n", at) - at - 5));
  }
  std::string Get(const std::string& path) const {
    const auto fetcher = scrape::PageFetcher::Create(AgentUrl() + path, {});
    if (!fetcher.ok()) return std::string(fetcher.status().message());
    const auto page = (*fetcher)->Fetch();
    return page.ok() ? absl::StrCat(page->status, " ", page->body) : page.status().ToString();
  }

  // The most memory that the agent has had.
  double PeakBytes() const {
    const std::string status = ReadWholeFile(absl::StrCat("/proc/", agent_->pid(), "/status"));
    const std::size_t at = status.find("VmHWM:");
    return at == std::string::npos ? 1e99 : 1024 * std::atof(status.c_str() + at + 6);
  }

  const TempDir dir_;
  EldrdProcess eldrd_;
  FakeEngine engine_;
  agent::ScriptedEngine script_;
  std::unique_ptr<ChildProcess> agent_;
};

TEST_F(AgentProcessTest, JoinsReportsDrainsAndLeaves) {
  StartReadyAgent();
  if (HasFatalFailure()) return;
  EXPECT_TRUE(Within(kPatience, [&] { return Of("eldr_node_reported_running") == 3; }));
  EXPECT_THAT(Get("/readyz"), HasSubstr("200 ok"));
  script_.Decode(400, 4);
  script_.queued = 2;
  ShowPage();
  EXPECT_TRUE(Within(kPatience, [&] {
    return Of("eldr_node_reported_running") == 4 && Of("eldr_node_reported_queued") == 2;
  }));
  EXPECT_EQ(Of("eldr_node_reported_kv_usage_ratio"), 0.5);

  agent_->Signal(SIGTERM);
  EXPECT_TRUE(Within(kPatience, [&] { return Of("eldr_node_draining") == 1; })) << Log();
  EXPECT_EQ(Of("eldr_node_reported_running"), 4);  // it waits for what runs
  script_.Decode(0, 0);
  script_.queued = 0;
  ShowPage();
  EXPECT_EQ(agent_->Wait(), 0) << Log();
  EXPECT_TRUE(Within(kPatience, [&] { return !absl::StrContains(eldrd_.MetricsPage(), kNode); }))
      << Log();
}

TEST_F(AgentProcessTest, ASecondSignalDoesNotWait) {
  StartReadyAgent();
  if (HasFatalFailure()) return;
  agent_->Signal(SIGINT);
  EXPECT_TRUE(Within(kPatience, [&] { return Of("eldr_node_draining") == 1; })) << Log();
  EXPECT_EQ(agent_->End(SIGTERM), 0) << Log();
}

TEST_F(AgentProcessTest, TheCommandDrainsAndWaits) {
  StartReadyAgent();
  if (HasFatalFailure()) return;
  ChildProcess drain(Command({"drain", "--agent", AgentUrl()}), dir_ / "drain");
  ASSERT_TRUE(Within(
      kPatience, [&] { return absl::StrContains(ReadWholeFile(dir_ / "drain"), "3 running"); }));
  EXPECT_EQ(Of("eldr_node_draining"), 1);
  script_.Decode(0, 0);
  ShowPage();
  EXPECT_EQ(drain.Wait(), 0);
  EXPECT_THAT(ReadWholeFile(dir_ / "drain"), HasSubstr("drained\n"));
}

TEST_F(AgentProcessTest, TheCommandFailsWhereNothingEndsOrNobodyIs) {
  StartReadyAgent();
  if (HasFatalFailure()) return;
  ChildProcess late(Command({"drain", "--agent", AgentUrl(), "--timeout", "1s"}), dir_ / "late");
  EXPECT_EQ(late.Wait(), 1);
  EXPECT_THAT(ReadWholeFile(dir_ / "late"), HasSubstr("something still runs on the node"));
  ChildProcess lost(Command({"drain", "--agent", engine_.url()}), dir_ / "lost");
  EXPECT_EQ(lost.Wait(), 1);
  EXPECT_THAT(ReadWholeFile(dir_ / "lost"), HasSubstr("answers 404, expected the agent's"));
}

TEST_F(AgentProcessTest, AnEngineThatEndsIsLostAndComesBack) {
  StartReadyAgent();
  if (HasFatalFailure()) return;
  engine_.Close();
  EXPECT_TRUE(Within(kPatience, [&] { return Of("eldr_node_draining") == 1; })) << Log();
  EXPECT_TRUE(Within(kPatience, [&] { return IsIn("lost"); })) << Log();
  EXPECT_THAT(Get("/readyz"), HasSubstr("503 the engine is failing"));
  script_.Restart();
  ShowPage();
  engine_.Open();
  EXPECT_TRUE(Within(kPatience, [&] { return IsReady(); })) << Log();
}

TEST_F(AgentProcessTest, AnEngineThatSleepsTakesNothing) {
  StartReadyAgent();
  if (HasFatalFailure()) return;
  script_.awake = 0;
  ShowPage();
  EXPECT_TRUE(Within(kPatience, [&] { return Of("eldr_node_draining") == 1; })) << Log();
  script_.awake = 1;
  ShowPage();
  EXPECT_TRUE(Within(kPatience, [&] { return IsReady(); })) << Log();
}

TEST_F(AgentProcessTest, NothingThatAnEngineSendsHarmsTheAgentOrTheRouter) {
  StartReadyAgent();
  if (HasFatalFailure()) return;
  const auto fails_then_goes_on = [&](FakeEngine::Answer answer) {
    const auto failed = [&] {
      const std::string page = Get("/metrics");
      const std::string series = "eldr_agent_scrapes_total{outcome=\"failed\"} ";
      const std::size_t at = page.find(series);
      return at == std::string::npos ? -1 : std::atof(page.c_str() + at + series.size());
    };
    const double before = failed();
    engine_.SetAnswer("/metrics", std::move(answer));
    EXPECT_TRUE(Within(kPatience, [&] { return failed() >= before + 2; })) << Log();
    EXPECT_TRUE(IsReady()) << Log();
    EXPECT_EQ(Of("eldr_node_reported_running"), 3);  // as last known
  };
  const std::string much(1 << 16, 'x');
  fails_then_goes_on([much](int index) {
    return FakeEngine::Piece{index == 0 ? "HTTP/1.1 200 OK\r\n\r\n" : much};
  });
  fails_then_goes_on([](int index) {  // slow
    return FakeEngine::Piece{index == 0 ? "HTTP/1.1 200 OK\r\n\r\n" : "#", absl::Milliseconds(50)};
  });
  fails_then_goes_on([](int index) {  // lies
    return FakeEngine::Piece{index == 0 ? "HTTP/1.1 200 OK\r\n\r\nvllm:num_requests_running 1e99\n"
                                        : ""};
  });
  fails_then_goes_on([](int index) { return FakeEngine::Piece{index == 0 ? "\x16\x03\x01" : ""}; });
  ShowPage();
  EXPECT_LT(PeakBytes(), 600e6);        // a sanitizer keeps what was freed
  EXPECT_EQ(agent_->End(SIGKILL), -1);  // it had not ended by itself
}

TEST_F(AgentProcessTest, OneLookTellsWhatIsUnderstood) {
  ChildProcess look(Command({"scrape", "--engine", engine_.url()}), dir_ / "look");
  EXPECT_EQ(look.Wait(), 0);
  EXPECT_EQ(ReadWholeFile(dir_ / "look"),
            "state     serving\nrunning   3\nqueued    0\nkv usage  0.5\n"
            "steps     told by its histograms\n");
  ChildProcess wrong(Command({"scrape", "--engine", engine_.url(), "--preset", "sglang"}),
                     dir_ / "wrong");
  EXPECT_EQ(wrong.Wait(), 1);
  EXPECT_THAT(ReadWholeFile(dir_ / "wrong"),
              HasSubstr("running: the page has no sglang:num_running_reqs"));
}

}  // namespace
}  // namespace eldr
