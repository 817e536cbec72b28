#include "server/base/log.h"

#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"

namespace eldr {
namespace {

// What `write` logs under `config`.
template <typename Write>
std::string Logged(const LogConfig& config, Write&& write) {
  std::ostringstream out;
  FakeClock clock;
  {
    Log log(config, clock, std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
    write(log);
  }
  return out.str();
}

void LogEveryKind(Log& log) {
  log.Info("node_state", {{"node", "a b"},
                          {"text", std::string("say \"x\"\n")},
                          {"plain", "d0.test:80"},
                          {"count", std::uint64_t{7}},
                          {"share", 0.5},
                          {"on", true},
                          {"empty", ""}});
}

TEST(LogTest, WritesTextThatCanBeSplit) {
  EXPECT_EQ(Logged(LogConfig{}, LogEveryKind),
            "2026-01-01T00:00:00.000Z info node_state node=\"a b\" text=\"say \\\"x\\\"\\n\" "
            "plain=d0.test:80 count=7 share=0.5 on=true empty=\"\"\n");
}

TEST(LogTest, WritesJson) {
  LogConfig config;
  config.format = "json";
  EXPECT_EQ(Logged(config, LogEveryKind),
            "{\"time\":\"2026-01-01T00:00:00.000Z\",\"level\":\"info\",\"event\":\"node_state\","
            "\"node\":\"a b\",\"text\":\"say \\\"x\\\"\\u000a\",\"plain\":\"d0.test:80\","
            "\"count\":7,\"share\":0.5,\"on\":true,\"empty\":\"\"}\n");
}

TEST(LogTest, LeavesOutWhatIsLessSevere) {
  LogConfig config;
  config.level = "warning";
  EXPECT_EQ(Logged(config,
                   [](Log& log) {
                     log.Info("a");
                     log.Warning("b");
                     log.Error("c");
                   }),
            "2026-01-01T00:00:00.000Z warning b\n2026-01-01T00:00:00.000Z error c\n");
}

}  // namespace
}  // namespace eldr
