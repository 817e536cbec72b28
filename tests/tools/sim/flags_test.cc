// The command line of eldr-sim.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/sim/sim_flags.h"

namespace eldr::sim {
namespace {

using ::testing::HasSubstr;

std::optional<SimFlags> Parse(std::vector<std::string> arguments, std::string* message = nullptr,
                              int* exit_code = nullptr) {
  arguments.insert(arguments.begin(), {"eldr-sim", "--trace", "somewhere"});
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  int code = 0;
  ::testing::internal::CaptureStderr();
  auto flags = ParseSimFlags(static_cast<int>(argv.size()), argv.data(), &code);
  const std::string printed = ::testing::internal::GetCapturedStderr();
  if (message != nullptr) *message = printed;
  if (exit_code != nullptr) *exit_code = code;
  return flags;
}

TEST(SimFlagsTest, ReadsFlagsOfEveryGroup) {
  const auto flags = Parse({"--policy",
                            "residency,domain",
                            "--nodes",
                            "16",
                            "--rate",
                            "48.5",
                            "--duration",
                            "120",
                            "--warmup",
                            "20s",
                            "--seed",
                            "3",
                            "--output-tokens",
                            "exp:300",
                            "--signature-tokens",
                            "32",
                            "--calibration-share",
                            "0.25",
                            "--format",
                            "json",
                            "--w",
                            "1.25",
                            "--kappa",
                            "2",
                            "--arrivals",
                            "gamma:2",
                            "--repeat-start",
                            "random",
                            "--bucket-offsets",
                            "8:0.5ms,16:1ms"});
  ASSERT_TRUE(flags.has_value());
  const SimConfig& config = flags->config;
  EXPECT_EQ(config.policies, (std::vector<std::string>{"residency", "domain"}));
  EXPECT_EQ(config.replay.nodes, 16u);
  EXPECT_EQ(config.traffic.rate, 48.5);
  EXPECT_EQ(config.replay.duration, absl::Seconds(120));
  EXPECT_EQ(config.replay.warmup, absl::Seconds(20));
  EXPECT_EQ(config.seed, 3u);
  EXPECT_EQ(config.traffic.output.kind, replay::OutputLength::Kind::kExponential);
  EXPECT_EQ(config.signature_tokens, 32u);
  EXPECT_EQ(config.calibration_share, 0.25);
  EXPECT_TRUE(flags->json);
  EXPECT_EQ(config.settings.w, 1.25);
  EXPECT_EQ(config.settings.estimate.kappa, 2);
  EXPECT_EQ(config.traffic.coefficient_of_variation, 2);
  EXPECT_TRUE(config.traffic.random_repeat_start);
  ASSERT_EQ(config.replay.bucket_offsets.size(), 2u);
  EXPECT_EQ(config.replay.bucket_offsets[1].offset, absl::Milliseconds(1));
}

TEST(SimFlagsTest, PoliciesBelieveWhatIsTrueUnlessToldOtherwise) {
  const auto flags = Parse({"--base", "6ms", "--all-experts", "30ms", "--believed-base", "1ms"});
  ASSERT_TRUE(flags.has_value());
  EXPECT_EQ(flags->config.replay.step_time.base, absl::Milliseconds(6));
  EXPECT_EQ(flags->config.settings.step_time.base, absl::Milliseconds(1));
  EXPECT_EQ(flags->config.settings.step_time.all_experts, absl::Milliseconds(30));
}

TEST(SimFlagsTest, ErrorsNameTheFlagTheValueAndWhatWasExpected) {
  struct Case {
    std::vector<std::string> arguments;
    std::vector<std::string> words;
  };
  const std::vector<Case> cases = {
      {{"--nodes", "0"}, {"--nodes", "0", "range"}},
      {{"--rate", "-1"}, {"--rate", "-1", "range"}},
      {{"--policy", "best"}, {"policy", "\"best\"", "expected one of", "residency_oracle"}},
      {{"--duration", "soon"}, {"--duration", "\"soon\"", "expected a duration"}},
      {{"--warmup", "200s"}, {"warmup", "3m20s", "less than"}},
      {{"--output-tokens", "0"}, {"--output-tokens", "\"0\"", "exp:MEAN"}},
      {{"--output-tokens", "file"}, {"--output-tokens", "\"file\"", "--arrivals"}},
      {{"--arrivals", "gamma:0"}, {"--arrivals", "gamma:0", "0.05 to 20"}},
      {{"--mix", "odd"}, {"--mix", "\"odd\"", "skewed"}},
      {{"--repeat-start", "last"}, {"--repeat-start", "\"last\"", "first or random"}},
      {{"--bucket-offsets", "8:1ms,4:1ms"}, {"--bucket-offsets", "4:1ms", "above 8"}},
      {{"--calibration-share", "2"}, {"--calibration-share", "2", "range"}},
      {{"--format", "xml"}, {"--format", "xml", "json"}},
      {{"--scenario", "/nowhere.yaml"}, {"/nowhere.yaml"}},
  };
  for (const Case& bad : cases) {
    SCOPED_TRACE(bad.arguments[0] + " " + bad.arguments[1]);
    std::string message;
    int exit_code = 0;
    EXPECT_FALSE(Parse(bad.arguments, &message, &exit_code).has_value());
    EXPECT_EQ(exit_code, 2);
    for (const std::string& word : bad.words) EXPECT_THAT(message, HasSubstr(word));
  }
}

TEST(SimFlagsTest, ReadsTheShapeOfResponses) {
  const auto flags = Parse({"--top-k", "8", "--hidden-layers", "61", "--moe-layers", "1,3-5,60"});
  ASSERT_TRUE(flags.has_value());
  const engines::ResponseOptions& response = flags->config.response;
  EXPECT_EQ(response.geometry.top_k, 8u);
  EXPECT_EQ(response.hidden_layers, 61u);
  EXPECT_THAT(response.geometry.moe_hidden_layers, ::testing::ElementsAre(1, 3, 4, 5, 60));
  for (const char* bad : {"5-3", "3,3", "x", "1-", "4096", ""}) {
    std::string message;
    EXPECT_FALSE(Parse({"--moe-layers", bad}, &message).has_value()) << bad;
    EXPECT_THAT(message, HasSubstr("expected ascending layers")) << bad;
  }
}

}  // namespace
}  // namespace eldr::sim
