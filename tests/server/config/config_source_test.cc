// What a configuration file may be, before any key of it is read.
#include "server/config/config_source.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Code = absl::StatusCode;

// A text of ASCII in units of `bytes` bytes.
std::string InUnits(absl::string_view text, std::size_t bytes, bool little) {
  std::string wide;
  for (const char c : text) {
    std::string unit(bytes, '\0');
    unit[little ? 0 : bytes - 1] = c;
    wide += unit;
  }
  return wide;
}

TEST(ConfigTextTest, TakesWhatIsReadAsItIsShown) {
  for (const char* const text :
       {"", "# nothing\n", "seed: 1\n", "seed: 1\r\nlog: {level: debug}\r\n",
        "\xef\xbb\xbfseed: 1\n", "seed: 1 # \xc3\xa9 \xf0\x9f\x98\x80\n", "seed:\t1\t\n",
        "%YAML 1.2\n---\nseed: 1\n", "state_dir: \"100%\"\n"}) {
    EXPECT_THAT(CheckConfigText(text, "f.yaml"), IsOk()) << text;
  }
}

TEST(ConfigTextTest, NamesOtherEncodings) {
  const std::string text = "log: {level: debug}\n";
  const struct {
    std::string bytes;
    const char* got;
  } cases[] = {
      {"\xff\xfe" + InUnits(text, 2, true), "UTF-16"},
      {"\xfe\xff" + InUnits(text, 2, false), "UTF-16"},
      {std::string("\xff\xfe\0\0", 4) + InUnits(text, 4, true), "UTF-32"},
      {std::string("\0\0\xfe\xff", 4) + InUnits(text, 4, false), "UTF-32"},
      {InUnits(text, 2, true), "a NUL byte"},
      {InUnits(text, 2, false), "a NUL byte"},
      {InUnits(text, 4, true), "a NUL byte"},
      {InUnits(text, 4, false), "a NUL byte"},
      {"log: {level: d\xe9"
       "bug}\n",
       "bytes that are not UTF-8"},
      {"\x1f\x8b\x08", "the invisible character U+001f"},  // gzip
  };
  for (const auto& c : cases) {
    EXPECT_THAT(
        CheckConfigText(c.bytes, "f.yaml"),
        StatusIs(Code::kInvalidArgument, AllOf(StartsWith(absl::StrCat("f.yaml:1: got ", c.got)),
                                               HasSubstr("expected text"))))
        << c.got;
  }
}

TEST(ConfigTextTest, NamesTheLineOfWhatAnEditorHides) {
  const struct {
    std::string text;
    const char* message;  // begins so
  } cases[] = {
      {std::string("seed: 1\n\0log: {}\n", 17), "f:2: got a NUL byte"},
      {"seed: 1\nlog: {} # x\rauth: {}\n",
       "f:2: got the line break U+000d, expected lines that end"},
      {"seed: 1\r", "f:1: got the line break U+000d"},
      {"# x\n# y\xc2\x85log: {}\n", "f:2: got the line break U+0085"},
      {"# x\xe2\x80\xa8log: {}\n", "f:1: got the line break U+2028"},
      {"# x\xe2\x80\xa9log: {}\n", "f:1: got the line break U+2029"},
      {"seed: 1\n\xef\xbb\xbflog: {}\n", "f:2: got the invisible character U+feff"},
      {"a\n\n\x1b[2J\n", "f:3: got the invisible character U+001b"},
      {"a\x7f\n", "f:1: got the invisible character U+007f"},
      {"seed: 1\n%FOO bar\n", "f:2: got a line that starts with %, expected keys and values"},
      {"%TAG ! x:\n---\nseed: 1\n", "f:1: got a line that starts with %"},
      {"\xef\xbb\xbf%TAG ! x:\n---\nseed: 1\n", "f:1: got a line that starts with %"},
      {"%YAML 2.0\n---\n", "f:1: got a line that starts with %"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(CheckConfigText(c.text, "f"),
                StatusIs(Code::kInvalidArgument, StartsWith(c.message)))
        << c.text;
  }
}

class ConfigFileTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / name) << text;
    return dir_ / name;
  }
  const TempDir dir_;
};

TEST_F(ConfigFileTest, IsReadWholeWithAllItsBytes) {
  std::string text = "seed: 1\n# ";
  text += std::string(200'000, 'x');
  text += std::string("\0\nlog: {}\n", 10);
  EXPECT_THAT(ReadConfigFile(Write("f", text)), IsOkAndHolds(text));
}

TEST_F(ConfigFileTest, SaysWhyItCannotBeRead) {
  EXPECT_THAT(ReadConfigFile(dir_ / "none"),
              StatusIs(Code::kNotFound, AllOf(StartsWith(dir_ / "none: cannot be read (No such"),
                                              HasSubstr("expected a YAML file"))));
  EXPECT_THAT(ReadConfigFile(Write("f", "seed: 1") + "/g"),
              StatusIs(Code::kNotFound, HasSubstr("Not a directory")));
}

TEST_F(ConfigFileTest, IsARegularOne) {
  EXPECT_THAT(ReadConfigFile(dir_ / ""),
              StatusIs(Code::kInvalidArgument, HasSubstr("got a folder, expected a regular file")));
  // Nobody writes to it, and it is not waited for.
  ASSERT_EQ(mkfifo((dir_ / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(ReadConfigFile(dir_ / "pipe"),
              StatusIs(Code::kInvalidArgument, HasSubstr("got a pipe, device or socket")));
  EXPECT_THAT(ReadConfigFile("/dev/zero"),
              StatusIs(Code::kInvalidArgument, HasSubstr("got a pipe, device or socket")));
  // As Kubernetes mounts them.
  ASSERT_EQ(symlink(Write("f", "seed: 1\n").c_str(), (dir_ / "link").c_str()), 0);
  EXPECT_THAT(ReadConfigFile(dir_ / "link"), IsOkAndHolds("seed: 1\n"));
}

TEST_F(ConfigFileTest, IsNeitherEmptyNorHuge) {
  for (const char* const text : {"", "\n", " \t\r\n \n"}) {
    EXPECT_THAT(ReadConfigFile(Write("empty", text)),
                StatusIs(Code::kInvalidArgument, HasSubstr("got an empty file, expected keys")));
  }
  EXPECT_THAT(ReadConfigFile(Write("comment", "# the defaults\n")), IsOk());
  EXPECT_THAT(ReadConfigFile(Write("most", std::string(kMaxConfigBytes, '#'))), IsOk());
  EXPECT_THAT(ReadConfigFile(Write("huge", std::string(kMaxConfigBytes + 1, '#'))),
              StatusIs(Code::kInvalidArgument, HasSubstr("got a file of more than 4 MiB")));
}

}  // namespace
}  // namespace eldr
