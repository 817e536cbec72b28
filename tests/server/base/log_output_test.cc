#include "server/base/log_output.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <string>

#include "gtest/gtest.h"
#include "server/base/unique_fd.h"

namespace eldr {
namespace {

using Result = LogOutput::Result;

class FileOutputTest : public ::testing::Test {
 protected:
  FileOutputTest() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe(ends), 0);
    reading_ = UniqueFd(ends[0]);
    writing_ = UniqueFd(ends[1]);
    EXPECT_EQ(fcntl(reading_.get(), F_SETFL, O_NONBLOCK), 0);
    signal(SIGPIPE, SIG_IGN);  // as eldrd does
  }
  std::string ReadAll() {
    std::string text;
    char bytes[4096];
    for (ssize_t n = 0; (n = read(reading_.get(), bytes, sizeof(bytes))) > 0;)
      text.append(bytes, static_cast<std::size_t>(n));
    return text;
  }

  UniqueFd reading_;
  UniqueFd writing_;
};

TEST_F(FileOutputTest, GoesOnWhereAFullPipeStoppedIt) {
  FileOutput output(writing_.get());
  const std::string line = std::string(10'000, 'x') + "\n";
  std::size_t whole = 0;
  while (output.Write(line) == Result::kWritten) ++whole;
  EXPECT_GT(whole, 0u);
  std::string got = ReadAll();
  EXPECT_EQ(output.Write(line), Result::kWritten) << "the rest of it";
  EXPECT_EQ(output.Write("last\n"), Result::kWritten);
  got += ReadAll();
  std::string expected;
  for (std::size_t i = 0; i <= whole; ++i) expected += line;
  EXPECT_EQ(got, expected + "last\n");
}

TEST_F(FileOutputTest, LosesWhatNobodyCanRead) {
  FileOutput output(writing_.get());
  reading_ = UniqueFd();
  EXPECT_EQ(output.Write("line\n"), Result::kLost);
  FileOutput closed(-1);
  EXPECT_NE(closed.Write("line\n"), Result::kWritten);
}

TEST_F(FileOutputTest, LeavesTheFileBlockingForOthers) {
  FileOutput output(writing_.get());
  EXPECT_EQ(output.Write("line\n"), Result::kWritten);
  EXPECT_EQ(fcntl(writing_.get(), F_GETFL) & O_NONBLOCK, 0);
}

}  // namespace
}  // namespace eldr
