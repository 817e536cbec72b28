#include "server/http_server.h"

#include <httplib.h>

#include "gmock/gmock.h"
#include "tests/server/daemon_fixture.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

class HttpServerTest : public DaemonTest {
 protected:
  void SetUp() override { StartDaemon(); }
};

TEST_F(HttpServerTest, IsReadyWithoutNodes) {
  EXPECT_EQ(Get("/livez"), "ok\n");
  EXPECT_EQ(Get("/readyz"), "ok\n");
  EXPECT_EQ(Get("/health"), "ok\n");
  for (const char* const page : {"/metrics", "/livez", "/readyz"}) {
    EXPECT_THAT(Get("/"), HasSubstr(page));
  }
  EXPECT_THAT(Get("/metrics"), HasSubstr("eldr_build_info{version=\""));
  EXPECT_EQ(Get("/nothing"), "status 404");
}

TEST_F(HttpServerTest, TakesNoLargePayloads) {
  httplib::Client client("127.0.0.1", daemon_->http_address().port);
  const httplib::Result result = client.Post("/", std::string(1 << 20, 'x'), "text/plain");
  // Refused with 413, or cut off while still sending.
  if (result) {
    EXPECT_EQ(result->status, 413);
  }
  EXPECT_EQ(Get("/livez"), "ok\n");
}

TEST_F(HttpServerTest, APortThatIsTakenIsNamed) {
  const auto again = HttpServer::Start(
      daemon_->http_address(), {.metrics = [] { return ""; }, .ready = [] { return true; }});
  EXPECT_THAT(again, StatusIs(absl::StatusCode::kUnavailable,
                              HasSubstr(daemon_->http_address().ToString())));
}

}  // namespace
}  // namespace eldr
