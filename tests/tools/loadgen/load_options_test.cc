#include "tools/loadgen/load_options.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace eldr::loadgen {
namespace {

using ::testing::HasSubstr;

struct Parsed {
  std::optional<LoadOptions> options;
  int exit_code = -1;
  std::string error;
};

Parsed Parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "eldr-loadgen");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  Parsed parsed;
  ::testing::internal::CaptureStderr();
  parsed.options = ParseLoadOptions(static_cast<int>(argv.size()), argv.data(), &parsed.exit_code);
  parsed.error = ::testing::internal::GetCapturedStderr();
  return parsed;
}

TEST(LoadOptionsTest, IsAClosedLoopWithInlineSignaturesUnlessToldOtherwise) {
  const Parsed parsed = Parse({});
  ASSERT_TRUE(parsed.options.has_value()) << parsed.error;
  EXPECT_EQ(parsed.options->concurrency, 8u);
  EXPECT_FALSE(parsed.options->rate.has_value());
  EXPECT_EQ(parsed.options->signatures, SignatureWay::kInline);
  EXPECT_FALSE(parsed.options->json);
}

TEST(LoadOptionsTest, ReadsAnOpenLoop) {
  const Parsed parsed = Parse({"--rate",       "2500",   "--arrivals", "constant",
                               "--hold",       "1500ms", "--nodes",    "4",
                               "--churn",      "2s",     "--streams",  "3",
                               "--signatures", "pushed", "--form",     "sparse",
                               "--format",     "json",   "--target",   "unix:/run/eldr.sock",
                               "--timeout",    "250ms"});
  ASSERT_TRUE(parsed.options.has_value()) << parsed.error;
  EXPECT_EQ(parsed.options->rate, 2500);
  EXPECT_EQ(parsed.options->arrivals, ArrivalKind::kConstant);
  EXPECT_EQ(parsed.options->hold, absl::Milliseconds(1500));
  EXPECT_EQ(parsed.options->churn, absl::Seconds(2));
  EXPECT_EQ(parsed.options->streams, 3u);
  EXPECT_EQ(parsed.options->signatures, SignatureWay::kPushed);
  EXPECT_EQ(parsed.options->form, SignatureForm::kSparse);
  EXPECT_EQ(parsed.options->connection.target, "unix:/run/eldr.sock");
  EXPECT_EQ(parsed.options->connection.timeout, absl::Milliseconds(250));
  EXPECT_TRUE(parsed.options->json);
}

TEST(LoadOptionsTest, NamesWhatIsWrongAndEndsWithTwo) {
  const struct {
    std::vector<std::string> arguments;
    const char* says;
  } cases[] = {
      {{"--rate", "0"}, "--rate"},
      {{"--rate", "10", "--concurrency", "2"}, "--concurrency"},
      {{"--hold", "1s", "--live", "3"}, "--live"},
      {{"--hold", "soon"}, "\"soon\""},
      {{"--duration", "0s"}, "--duration"},
      {{"--timeout", "0s"}, "--timeout"},
      {{"--arrivals", "bursts"}, "bursts"},
      {{"--signatures", "late"}, "late"},
      {{"--trace", "t", "--form", "sparse"}, "--form"},
      {{"--churn", "2s"}, "--nodes"},
      {{"--nodes", "1", "--churn", "2s"}, "--nodes 2 or more"},
      {{"--nodes", "4", "--churn", "1ms"}, "100ms or more"},
      {{"--server-pid", "-1"}, "--server-pid"},
      {{"--format", "xml"}, "xml"},
      {{"--no-such-flag"}, "--no-such-flag"},
  };
  for (const auto& bad : cases) {
    const Parsed parsed = Parse(bad.arguments);
    EXPECT_FALSE(parsed.options.has_value()) << bad.says;
    EXPECT_EQ(parsed.exit_code, 2) << bad.says;
    EXPECT_THAT(parsed.error, HasSubstr(bad.says));
  }
}

}  // namespace
}  // namespace eldr::loadgen
