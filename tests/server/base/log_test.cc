#include "server/base/log.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "tests/server/string_output.h"
#include "tests/support/fake_clock.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// What `write` logs under `config`.
template <typename Write>
std::string Logged(const LogConfig& config, Write&& write) {
  const auto output = std::make_shared<StringOutput>();
  FakeClock clock;
  {
    Log log(config, clock, output);
    write(log);
  }
  return output->text();
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

TEST(LogTest, BytesThatAreNoTextStayOneLineOfText) {
  const std::string bytes("a\xff\xc3\x28\xed\xa0\x80\xc3\xa9\x7f\x00z", 12);
  LogConfig config;
  config.format = "json";
  EXPECT_THAT(Logged(config,
                     [&](Log& log) {
                       log.Info("e", {{"k", bytes}});
                     }),
              HasSubstr("\"k\":\"a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                        "\xc3\xa9\\u007f\\u0000z\""));
  EXPECT_THAT(Logged(LogConfig{},
                     [&](Log& log) {
                       log.Info("e", {{"k", bytes}});
                     }),
              HasSubstr(R"(k="a\377\303(\355\240\200\303\251\177\000z")"));
}

TEST(LogTest, CutsTextThatIsTooLong) {
  const std::string line = Logged(LogConfig{}, [](Log& log) {
    log.Info("e", {{"k", std::string(1 << 20, 'x')}});
  });
  EXPECT_LT(line.size(), 5000u);
  EXPECT_THAT(line, HasSubstr("xxx..."));
}

TEST(LogTest, LeavesOutWhatIsLessSevereAsLongAsTheLevelSaysSo) {
  LogConfig config;
  config.level = "warning";
  EXPECT_EQ(Logged(config,
                   [](Log& log) {
                     log.Info("a");
                     log.Warning("b");
                     log.Error("c");
                     log.set_level(LogLevel::kInfo);
                     log.Info("d");
                   }),
            "2026-01-01T00:00:00.000Z warning b\n2026-01-01T00:00:00.000Z error c\n"
            "2026-01-01T00:00:00.000Z info d\n");
}

TEST(LogTest, MoreOfOneEventThanFitsASecondIsCountedAndTold) {
  const auto output = std::make_shared<StringOutput>();
  FakeClock clock;
  Log log(LogConfig{}, clock, output);
  for (std::uint64_t i = 0; i < Log::kLinesPerSecond + 5; ++i) log.Info("often");
  log.Info("seldom");
  log.Flush(absl::Seconds(10));
  EXPECT_EQ(log.counts().written, Log::kLinesPerSecond + 1);
  EXPECT_EQ(log.counts().left_out_by_rate, 5u);
  EXPECT_THAT(output->text(), HasSubstr("info seldom\n"));
  EXPECT_THAT(output->text(), Not(HasSubstr("left_out"))) << "the second is not over";
  clock.Advance(absl::Seconds(1));
  log.Info("often");
  log.Flush(absl::Seconds(10));
  EXPECT_THAT(output->text(),
              HasSubstr("warning log_lines_left_out of=often lines=5 cause=rate\n"));
  EXPECT_EQ(log.counts().left_out_by_rate, 5u);
}

// Takes a line only while it is open.
class Gate final : public LogOutput {
 public:
  Result Write(absl::string_view line) override {
    if (!open_.WaitForNotificationWithTimeout(absl::Milliseconds(1))) return Result::kLater;
    return text.Write(line);
  }
  void Open() { open_.Notify(); }

  StringOutput text;

 private:
  absl::Notification open_;
};

TEST(LogTest, NobodyWaitsForOneWhoDoesNotReadAndTheOldestGiveWay) {
  const auto output = std::make_shared<Gate>();
  FakeClock clock;
  Log log(LogConfig{}, clock, output);
  // Of many kinds, so that no rate is reached.
  for (int i = 0; i < 10'000; ++i) log.Info(absl::StrCat("event", i / 500), {{"i", i}});
  EXPECT_GE(log.counts().left_out_by_queue, 1800u);
  output->Open();
  log.Flush(absl::Seconds(10));
  const std::string text = output->text.text();
  EXPECT_THAT(text, HasSubstr(" i=9999\n"));
  EXPECT_THAT(text, HasSubstr("cause=queue"));
  EXPECT_EQ(log.counts().written + log.counts().left_out_by_queue, 10'001u) << "and one tells";
}

TEST(LogTest, TheEndDoesNotWaitForOneWhoDoesNotRead) {
  const auto output = std::make_shared<Gate>();
  static FakeClock clock;
  const absl::Time start = absl::Now();
  {
    Log log(LogConfig{}, clock, output);
    for (int i = 0; i < 100; ++i) log.Info("event");
  }
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
  EXPECT_EQ(output->text.text(), "");
}

// Takes nothing until it is mended.
class BrokenOutput final : public LogOutput {
 public:
  Result Write(absl::string_view line) override {
    return mended ? text.Write(line) : Result::kLost;
  }
  std::atomic<bool> mended = false;
  StringOutput text;
};

TEST(LogTest, LinesThatCannotBeWrittenAreCountedAndToldOnceTheyCan) {
  const auto output = std::make_shared<BrokenOutput>();
  FakeClock clock;
  Log log(LogConfig{}, clock, output);
  for (int i = 0; i < 3; ++i) log.Info("lost");
  log.Flush(absl::Seconds(10));
  EXPECT_EQ(log.counts().left_out_by_output, 3u);
  output->mended = true;
  log.Info("kept");
  log.Flush(absl::Seconds(10));
  log.Flush(absl::Seconds(10));
  EXPECT_EQ(output->text.text(),
            "2026-01-01T00:00:00.000Z info kept\n2026-01-01T00:00:00.000Z warning "
            "log_lines_left_out lines=3 cause=output\n");
}

TEST(LogTest, LinesOfManyThreadsStayWhole) {
  const std::string text = Logged(LogConfig{}, [](Log& log) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&log, t] {
        for (int i = 0; i < 100; ++i) log.Info(absl::StrCat("e", t), {{"i", i}});
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  const std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  EXPECT_EQ(lines.size(), 400u);
  for (const std::string& line : lines) EXPECT_THAT(line, ::testing::ContainsRegex(" i=[0-9]+$"));
}

}  // namespace
}  // namespace eldr
