#include "bench/soak/soak_options.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace eldr {
namespace {

std::optional<SoakOptions> Parse(std::vector<std::string> arguments, int* exit_code) {
  arguments.insert(arguments.begin(), "eldr-soak");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  return ParseSoakOptions(static_cast<int>(argv.size()), argv.data(), exit_code);
}

TEST(SoakOptionsTest, LastsTenMinutesAndAnOverloadHalfOfOne) {
  int exit_code = -1;
  const auto soak = Parse({"--eldrd", "e"}, &exit_code);
  ASSERT_TRUE(soak.has_value());
  EXPECT_EQ(soak->duration, absl::Minutes(10));
  const auto overload = Parse({"--eldrd", "e", "--overload"}, &exit_code);
  ASSERT_TRUE(overload.has_value());
  EXPECT_EQ(overload->duration, absl::Seconds(30));
  const auto told = Parse({"--eldrd", "e", "--overload", "--duration", "7s"}, &exit_code);
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->duration, absl::Seconds(7));
}

TEST(SoakOptionsTest, EndsWithTwoForWrongFlags) {
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{},
                                                {"--eldrd", "e", "--duration", "1s"},
                                                {"--eldrd", "e", "--churn", "1ms"},
                                                {"--eldrd", "e", "--nodes", "1"}}) {
    int exit_code = -1;
    EXPECT_FALSE(Parse(wrong, &exit_code).has_value());
    EXPECT_EQ(exit_code, 2);
  }
}

}  // namespace
}  // namespace eldr
