#include "client/agent/agent_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

namespace eldr::agent {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class AgentOptionsTest : public ::testing::Test {
 protected:
  std::optional<AgentOptions> Parse(const std::vector<std::string>& arguments) {
    out_.str("");
    err_.str("");
    return ParseAgentOptions(arguments, out_, err_, exit_code_);
  }
  static std::vector<std::string> Run(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"run", "--node",    "d0", "--model",
                                          "m",   "--address", "a:1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  void ExpectRefused(const std::vector<std::string>& arguments, const std::string& part) {
    EXPECT_FALSE(Parse(arguments).has_value()) << part;
    EXPECT_EQ(exit_code_, 2);
    EXPECT_THAT(err_.str(), HasSubstr(part));
  }

  std::ostringstream out_, err_;
  int exit_code_ = -1;
};

TEST_F(AgentOptionsTest, HasDefaultsForAllButTheNode) {
  const auto options = Parse(Run({}));
  ASSERT_TRUE(options.has_value()) << err_.str();
  const RunOptions& run = options->run;
  EXPECT_EQ(options->command, AgentOptions::Command::kRun);
  EXPECT_EQ(run.spec.node_id(), "d0");
  EXPECT_EQ(run.spec.heartbeat_interval().seconds(), 1);
  EXPECT_EQ(run.engine.metrics_url, "http://127.0.0.1:8000/metrics");
  EXPECT_EQ(run.engine.health_url, "http://127.0.0.1:8000/health");
  EXPECT_EQ(run.daemon.target, "127.0.0.1:9002");
  ASSERT_THAT(run.listen, SizeIs(1));
  EXPECT_EQ(run.listen[0].ToString(), "127.0.0.1:9091");
  EXPECT_EQ(run.drain_timeout, absl::Seconds(25));
}

TEST_F(AgentOptionsTest, ReadsWhatTheEngineIs) {
  const auto options =
      Parse(Run({"--preset",         "trtllm",     "--engine", "http://e:9/",
                 "--health-path",    "",           "--metric", "running=my:running",
                 "--metric",         "queued=a,b", "--select", "engine=1",
                 "--scrape-timeout", "500ms",      "--label",  "rack=r2",
                 "--dp-rank",        "1",          "--listen", "unix:/run/a",
                 "--listen",         "[::1]:5"}));
  ASSERT_TRUE(options.has_value()) << err_.str();
  const EngineOptions& engine = options->run.engine;
  EXPECT_EQ(engine.metrics_url, "http://e:9/prometheus/metrics");
  EXPECT_THAT(engine.health_url, IsEmpty());
  EXPECT_THAT(engine.metrics[0], ElementsAre("my:running"));
  EXPECT_THAT(engine.metrics[1], ElementsAre("a", "b"));
  EXPECT_THAT(engine.select, ElementsAre(Pair("engine", "1")));
  EXPECT_EQ(engine.fetch.timeout, absl::Milliseconds(500));
  EXPECT_EQ(options->run.spec.labels().at("rack"), "r2");
  EXPECT_EQ(options->run.spec.dp_rank(), 1u);
  EXPECT_THAT(options->run.listen, SizeIs(2));
}

TEST_F(AgentOptionsTest, EachFlagCanBeAVariable) {
  setenv("ELDR_AGENT_SCRAPE_INTERVAL", "250ms", 1);
  setenv("ELDR_NODE", "from-environment", 1);
  const auto options = Parse({"run", "--model", "m", "--address", "a:1"});
  unsetenv("ELDR_AGENT_SCRAPE_INTERVAL");
  unsetenv("ELDR_NODE");
  ASSERT_TRUE(options.has_value()) << err_.str();
  EXPECT_EQ(options->run.scrape_interval, absl::Milliseconds(250));
  EXPECT_EQ(options->run.spec.node_id(), "from-environment");
}

TEST_F(AgentOptionsTest, RefusesWhatCannotBe) {
  ExpectRefused({}, "A subcommand is required");
  ExpectRefused({"run", "--node", "d0", "--address", "a:1"}, "--model is required");
  ExpectRefused(Run({"--preset", "tgi"}), "--preset: tgi not in {vllm,sglang,trtllm}");
  ExpectRefused(Run({"--metric", "speed=a"}), "--metric: \"speed=a\" names no metric");
  ExpectRefused(Run({"--select", "engine"}), "--select: \"engine\" is no label");
  ExpectRefused(Run({"--engine", "localhost"}), "is no URL, expected http://HOST");
  ExpectRefused(Run({"--scrape-interval", "0s"}), "--scrape-interval: expected at least 10ms");
  ExpectRefused(Run({"--heartbeat-interval", "1"}), "\"1\": expected a duration with its unit");
  ExpectRefused(Run({"--failures", "0"}), "--failures");
  ExpectRefused(Run({"--label", "x"}), "\"x\" is not a label");
  ExpectRefused(Run({"--listen", "0.0.0.0:9091"}),
                "0.0.0.0:9091 can be reached by others in plaintext; expected --insecure");
  EXPECT_TRUE(Parse(Run({"--listen", "0.0.0.0:9091", "--insecure"})).has_value());
}

TEST_F(AgentOptionsTest, HelpsAndTellsItsVersion) {
  EXPECT_FALSE(Parse({"--help"}).has_value());
  EXPECT_EQ(exit_code_, 0);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("run"), HasSubstr("drain"), HasSubstr("scrape")));
  EXPECT_FALSE(Parse({"run", "--help"}).has_value());
  EXPECT_EQ(exit_code_, 0);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("--preset"), HasSubstr("ELDR_AGENT_PRESET")));
  EXPECT_FALSE(Parse({"--version"}).has_value());
  EXPECT_THAT(out_.str(), HasSubstr("eldr-agent "));
}

TEST_F(AgentOptionsTest, ReadsTheOtherCommands) {
  const auto drain = Parse({"drain", "--agent", "http://127.0.0.1:5", "--timeout", "2s"});
  ASSERT_TRUE(drain.has_value()) << err_.str();
  EXPECT_EQ(drain->command, AgentOptions::Command::kDrain);
  EXPECT_EQ(drain->drain.url, "http://127.0.0.1:5");
  EXPECT_EQ(drain->drain.timeout, absl::Seconds(2));
  const auto scrape = Parse({"scrape", "--preset", "sglang"});
  ASSERT_TRUE(scrape.has_value()) << err_.str();
  EXPECT_EQ(scrape->command, AgentOptions::Command::kScrape);
  EXPECT_THAT(scrape->scrape.metrics[1], SizeIs(3));
}

}  // namespace
}  // namespace eldr::agent
