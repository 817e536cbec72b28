// Nobody reads what the daemon writes to standard error.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "server/base/unique_fd.h"
#include "tests/chaos/chaos_test.h"
#include "tests/chaos/connection.h"
#include "tests/server/test_authority.h"

namespace eldr {
namespace {

class UnreadLogTest : public ChaosTest {
 protected:
  // A pipe of one page in the place of the log's file, and TLS, so that strangers cause lines.
  void SetUp() override {
    const TestCertificate certificate = authority_.Issue("eldrd", {"DNS:localhost"});
    ReplaceFile(files_ / "pem", certificate.certificate);
    ReplaceFile(files_ / "key", certificate.key);
    EldrdProcess::Settings settings;
    settings.more = absl::StrCat("tls: {certificate: ", files_ / "pem", ", key: ", files_ / "key",
                                 "}\nlog: {format: json, requests: true}\n");
    eldrd_ = std::make_unique<EldrdProcess>(settings);
    ASSERT_EQ(mkfifo(eldrd_->Path("log").c_str(), 0600), 0);
    pipe_ = UniqueFd(open(eldrd_->Path("log").c_str(), O_RDWR | O_NONBLOCK));
    ASSERT_GT(fcntl(pipe_.get(), F_SETPIPE_SZ, 4096), 0);
    eldrd_->Start();
  }
  void FailHandshakes(int count) {
    for (int i = 0; i < count; ++i) {
      Connection connection(eldrd_->tcp_target());
      connection.Send("GET / HTTP/1.1\r\n\r\n");
      EXPECT_TRUE(Within(absl::Seconds(10), [&] { return connection.ClosedByPeer(); }));
    }
  }
  std::string ReadPipe() {
    std::string text;
    char bytes[4096];
    for (ssize_t n = 0; (n = read(pipe_.get(), bytes, sizeof(bytes))) > 0;) {
      text.append(bytes, static_cast<std::size_t>(n));
    }
    return text;
  }

  const TempDir files_;
  TestAuthority authority_{"authority"};
  UniqueFd pipe_;
};

TEST_F(UnreadLogTest, StopsNeitherServingNorTheEnd) {
  for (int i = 0; i < 4; ++i) eldrd_->RegisterNode(absl::StrCat("n", i));
  const auto load = StartLoad();
  ASSERT_TRUE(load->PlacesMore(500)) << "each leaves a line";
  FailHandshakes(200);
  ASSERT_TRUE(load->PlacesMore(500));
  EXPECT_EQ(eldrd_->StatusOf("/readyz"), 200);
  EXPECT_GT(eldrd_->Metric("eldr_log_lines_left_out_total", "cause=\"rate\""), 100)
      << "gRPC's lines have a bound of their own";
  ExpectNothingFailedAndNothingLeft(*load);
  const absl::Time start = absl::Now();
  EXPECT_EQ(eldrd_->Terminate(), 0);
  EXPECT_LT(absl::Now() - start, absl::Seconds(20));
}

TEST_F(UnreadLogTest, OnceItIsReadALineTellsWhatWasLeftOut) {
  FailHandshakes(200);
  std::string text;
  EXPECT_TRUE(Within(absl::Seconds(20), [&] {
    text += ReadPipe();
    return absl::StrContains(text, "log_lines_left_out");
  })) << text;
  std::size_t lines = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    ++lines;
    EXPECT_EQ(line.front(), '{') << line;
  }
  EXPECT_LT(lines, 100u) << text;
}

}  // namespace
}  // namespace eldr
