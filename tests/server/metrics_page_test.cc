#include "server/metrics_page.h"

#include <httplib.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "tests/server/daemon_fixture.h"

namespace eldr {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// What versions 2 and 3 of Prometheus send, and a browser.
constexpr char kPrometheus2[] =
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
constexpr char kPrometheus3[] =
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/"
    "openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
constexpr char kBrowser[] = "text/html,application/xhtml+xml,*/*;q=0.8";

class MetricsPageTest : public DaemonTest {
 protected:
  void SetUp() override {
    StartDaemon();
    DeclareTestModel();
    RegisterTestNode("a");
  }
  httplib::Result Scrape(const std::string& accept, const std::string& encoding) {
    httplib::Client client("127.0.0.1", daemon_->http_address().port);
    client.set_decompress(false);
    return client.Get("/metrics", {{"Accept", accept}, {"Accept-Encoding", encoding}});
  }
};

TEST_F(MetricsPageTest, GivesOpenMetricsToThoseWhoPreferIt) {
  for (const char* const accept : {kPrometheus2, kPrometheus3}) {
    const httplib::Result page = Scrape(accept, "identity");
    ASSERT_TRUE(page);
    EXPECT_EQ(page->get_header_value("Content-Type"),
              "application/openmetrics-text; version=1.0.0; charset=utf-8");
    EXPECT_EQ(page->get_header_value("Vary"), "Accept, Accept-Encoding");
    EXPECT_THAT(page->body, HasSubstr("# TYPE process_cpu_seconds counter\n"));
    EXPECT_THAT(page->body, HasSubstr("\nprocess_cpu_seconds_total "));
    EXPECT_THAT(page->body, HasSubstr("le=\"1.0\"}"));
    EXPECT_THAT(page->body, EndsWith("\n# EOF\n"));
  }
}

TEST_F(MetricsPageTest, CountersAreNamedAsOpenMetricsNeedsThem) {
  const httplib::Result page = Scrape(kPrometheus2, "");
  ASSERT_TRUE(page);
  absl::string_view counter;
  int counters = 0;
  for (const absl::string_view line : absl::StrSplit(page->body, '\n', absl::SkipEmpty())) {
    if (absl::StartsWith(line, "# TYPE ")) {
      counter = absl::EndsWith(line, " counter") ? line.substr(7, line.size() - 7 - 8) : "";
    } else if (!counter.empty() && !absl::StartsWith(line, "#")) {
      EXPECT_TRUE(absl::StartsWith(line, std::string(counter) + "_total")) << line;
      ++counters;
    }
  }
  EXPECT_GT(counters, 50);
}

TEST_F(MetricsPageTest, GivesTheTextFormToAllOthers) {
  for (const char* const accept : {"", "*/*", kBrowser, "text/plain",
                                   "application/openmetrics-text;version=1.0.0;q=0.1,text/plain"}) {
    const httplib::Result page = Scrape(accept, "");
    ASSERT_TRUE(page);
    EXPECT_EQ(page->get_header_value("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_EQ(page->get_header_value("Content-Encoding"), "");
    EXPECT_THAT(page->body, HasSubstr("# TYPE process_cpu_seconds_total counter\n"));
    EXPECT_THAT(page->body, ::testing::Not(HasSubstr("# EOF")));
  }
}

TEST_F(MetricsPageTest, PacksForThoseWhoTakeIt) {
  const httplib::Result plain = Scrape("", "identity");
  const httplib::Result packed = Scrape("", "gzip, deflate, br");
  ASSERT_TRUE(plain && packed);
  EXPECT_EQ(packed->get_header_value("Content-Encoding"), "gzip");
  EXPECT_THAT(packed->body, StartsWith("\x1f\x8b"));
  EXPECT_LT(packed->body.size(), plain->body.size() / 4);
}

}  // namespace
}  // namespace eldr
