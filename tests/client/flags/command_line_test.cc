#include "client/flags/command_line.h"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace eldr::flags {
namespace {

using ::testing::HasSubstr;

class CommandLineTest : public ::testing::Test {
 protected:
  CommandLineTest() { AddFormat(app_, json_); }

  bool Read(std::vector<const char*> arguments, const std::function<void()>& check = {}) {
    arguments.insert(arguments.begin(), "program");
    ::testing::internal::CaptureStderr();
    ::testing::internal::CaptureStdout();
    const bool read =
        Parse(app_, static_cast<int>(arguments.size()), arguments.data(), &exit_code_, check);
    out_ = ::testing::internal::GetCapturedStdout();
    error_ = ::testing::internal::GetCapturedStderr();
    return read;
  }

  CLI::App app_;
  bool json_ = false;
  int exit_code_ = -1;
  std::string out_, error_;
};

TEST_F(CommandLineTest, ReadsWhatIsGiven) {
  EXPECT_TRUE(Read({}));
  EXPECT_FALSE(json_);
  EXPECT_TRUE(Read({"--format", "json"}));
  EXPECT_TRUE(json_);
}

TEST_F(CommandLineTest, EndsWithTwoAndSaysWhatIsWrong) {
  EXPECT_FALSE(Read({"--format", "xml"}));
  EXPECT_EQ(exit_code_, 2);
  EXPECT_THAT(error_, HasSubstr("xml"));
  EXPECT_FALSE(Read({}, [] { throw CLI::ValidationError("--pair", "expected both"); }));
  EXPECT_EQ(exit_code_, 2);
  EXPECT_THAT(error_, HasSubstr("--pair: expected both"));
}

TEST_F(CommandLineTest, HelpIsNoFailure) {
  EXPECT_FALSE(Read({"--help"}));
  EXPECT_EQ(exit_code_, 0);
  EXPECT_THAT(out_, HasSubstr("table or json [table]"));
}

TEST_F(CommandLineTest, AChoiceIsOneOfItsNames) {
  int size = 0;
  AddChoice<int>(app_, "--size", size, {{"small", 1}, {"large", 9}}, "How large");
  EXPECT_TRUE(Read({"--size", "large"}));
  EXPECT_EQ(size, 9);
  EXPECT_FALSE(Read({"--size", "huge"}));
  EXPECT_THAT(error_, HasSubstr("small"));
}

}  // namespace
}  // namespace eldr::flags
